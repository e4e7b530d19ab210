"""Which models come with the package, and where are they from?

Each is written from the publication named in its ``reference``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pypet_ng.experiments.dynamics import Dynamics
from pypet_ng.experiments.parts import Range

__all__ = ["MODELS"]


def generic_2d_oscillator() -> Dynamics:
    """Give a planar oscillator that has a saddle-node, a Hopf and a relaxation regime."""
    model = Dynamics(
        "Generic2dOscillator",
        description="Planar oscillator with a cubic and a quadratic nullcline.",
        reference="Sanz-Leon, Knock, Spiegler, Jirsa (2015) Mathematical framework for large-scale brain network "
        "modeling in The Virtual Brain, NeuroImage 111, 385-430, section 4.2; after FitzHugh (1961).",
    )
    for name, value, text in (
        ("tau", 1.0, "Separation of the two time scales"),
        ("I", 0.0, "Baseline input"),
        ("a", -2.0, "Vertical shift of the second nullcline"),
        ("b", -10.0, "Linear slope of the second nullcline"),
        ("c", 0.0, "Parabolic term of the second nullcline"),
        ("d", 0.02, "Scale of time (1/ms)"),
        ("e", 3.0, "Quadratic term of the cubic nullcline"),
        ("f", 1.0, "Cubic term of the cubic nullcline"),
        ("g", 0.0, "Linear term of the cubic nullcline"),
        ("alpha", 1.0, "Feedback of W on V"),
        ("beta", 1.0, "Decay of W"),
        ("gamma", 1.0, "Scale of inputs"),
    ):
        model.add_parameter(name, value, description=text)
    model.add_coupling_term("c_in", "Long-range input")
    model.add_state_variable(
        "V",
        "d*tau*(alpha*W - f*V**3 + e*V**2 + g*V + gamma*I + gamma*c_in)",
        0.1,
        description="Fast variable, as a membrane potential",
        domain=Range(lo=-2.0, hi=4.0),
        coupling_variable=True,
    )
    model.add_state_variable(
        "W",
        "d/tau*(a + b*V + c*V**2 - beta*W)",
        0.1,
        description="Slow recovery variable",
        domain=Range(lo=-6.0, hi=6.0),
    )
    return model


def van_der_pol() -> Dynamics:
    """Give the relaxation oscillator."""
    model = Dynamics(
        "VanDerPol",
        description="Oscillator with nonlinear damping.",
        reference="van der Pol (1926) On relaxation-oscillations, Philosophical Magazine 2(11), 978-992, eq. 2.",
    )
    model.add_parameter("mu", 1.0, description="Damping")
    model.add_state_variable("x", "z", 0.1, description="Position", coupling_variable=True)
    model.add_state_variable("z", "mu*(1 - x**2)*z - x", 0.0, description="Velocity")
    return model


def montbrio_pazo_roxin() -> Dynamics:
    """Give the exact mean field of quadratic integrate-and-fire neurons."""
    model = Dynamics(
        "MontbrioPazoRoxin",
        description="Firing rate and mean potential of all-to-all coupled quadratic integrate-and-fire neurons.",
        reference="Montbrio, Pazo, Roxin (2015) Macroscopic description for networks of spiking neurons, "
        "Physical Review X 5, 021028, eq. 12, with the membrane time constant written out.",
    )
    for name, value, text in (
        ("tau", 1.0, "Membrane time constant"),
        ("eta", -5.0, "Mean of the excitabilities"),
        ("J", 15.0, "Synaptic weight"),
        ("Delta", 1.0, "Half width of the excitabilities"),
        ("I", 0.0, "Common input"),
    ):
        model.add_parameter(name, value, description=text)
    model.add_coupling_term("c_in", "Input from other populations")
    model.add_state_variable(
        "r", "Delta/(pi*tau**2) + 2*r*v/tau", 0.1, description="Firing rate", coupling_variable=True
    )
    model.add_state_variable(
        "v",
        "(v**2 + eta + J*tau*r + I + c_in - (pi*tau*r)**2)/tau",
        -2.0,
        description="Mean membrane potential",
    )
    return model


def wilson_cowan() -> Dynamics:
    """Give two populations, excitatory and inhibitory."""
    model = Dynamics(
        "WilsonCowan",
        description="Fractions of excitatory and inhibitory cells that fire, with refractoriness.",
        reference="Wilson, Cowan (1972) Excitatory and inhibitory interactions in localized populations of model "
        "neurons, Biophysical Journal 12, 1-24, eqs. 11-12 and 15; parameters of fig. 11.",
    )
    for name, value, text in (
        ("c1", 16.0, "Weight from E to E"),
        ("c2", 12.0, "Weight from I to E"),
        ("c3", 15.0, "Weight from E to I"),
        ("c4", 3.0, "Weight from I to I"),
        ("a_e", 1.3, "Steepest slope of the response of E"),
        ("theta_e", 4.0, "Where that slope lies"),
        ("a_i", 2.0, "Steepest slope of the response of I"),
        ("theta_i", 3.7, "Where that slope lies"),
        ("r_e", 1.0, "Refractory period of E"),
        ("r_i", 1.0, "Refractory period of I"),
        ("tau_e", 8.0, "Time constant of E"),
        ("tau_i", 8.0, "Time constant of I"),
        ("k_e", 1.0, "Highest response of E"),
        ("k_i", 1.0, "Highest response of I"),
        ("P", 1.25, "External input of E"),
        ("Q", 0.0, "External input of I"),
    ):
        model.add_parameter(name, value, description=text)
    model.parameters["tau_e"].unit = model.parameters["tau_i"].unit = "ms"
    model.add_coupling_term("c_in", "Input from other nodes")
    # Eq. 15: the logistic curve, shifted so that it is 0 where there is no input.
    model.add_derived_variable("x_e", "c1*E - c2*I + P + c_in")
    model.add_derived_variable("x_i", "c3*E - c4*I + Q")
    model.add_derived_variable("S_e", "1/(1 + exp(-a_e*(x_e - theta_e))) - 1/(1 + exp(a_e*theta_e))")
    model.add_derived_variable("S_i", "1/(1 + exp(-a_i*(x_i - theta_i))) - 1/(1 + exp(a_i*theta_i))")
    model.add_state_variable(
        "E", "(-E + (k_e - r_e*E)*S_e)/tau_e", 0.1, description="Excitatory activity", coupling_variable=True
    )
    model.add_state_variable("I", "(-I + (k_i - r_i*I)*S_i)/tau_i", 0.05, description="Inhibitory activity")
    return model


def reduced_wong_wang() -> Dynamics:
    """Give the one-variable mean field of a cortical area."""
    model = Dynamics(
        "ReducedWongWang",
        description="Synaptic gating of a local excitatory population.",
        reference="Deco, Ponce-Alvarez, Mantini, Romani, Hagmann, Corbetta (2013) Resting-state functional "
        "connectivity emerges from structurally and dynamically shaped slow linear fluctuations, Journal of "
        "Neuroscience 33(27), 11239-11252, eqs. 5-7; after Wong, Wang (2006).",
    )
    for name, value, unit, text in (
        ("a", 270.0, "1/nC", "Slope of the response"),
        ("b", 108.0, "Hz", "Shift of the response"),
        ("d", 0.154, "s", "Curvature of the response"),
        ("gamma", 0.641, "", "Kinetic constant"),
        ("tau_s", 100.0, "ms", "Time constant of NMDA receptors"),
        ("w", 0.6, "", "Local recurrence"),
        ("J", 0.2609, "nA", "Synaptic strength"),
        ("I_o", 0.33, "nA", "External input"),
    ):
        model.add_parameter(name, value, unit or None, text)
    model.add_coupling_term("c_in", "Input from other areas, in units of S")
    model.add_derived_variable("x", "w*J*S + J*c_in + I_o")
    # Rates are in Hz, time in ms: hence the 1000.
    model.add_derived_variable("H", "(a*x - b)/(1 - exp(-d*(a*x - b)))/1000")
    model.add_state_variable(
        "S",
        "-S/tau_s + (1 - S)*gamma*H",
        0.1,
        description="Gating variable",
        domain=Range(lo=0.0, hi=1.0),
        coupling_variable=True,
    )
    return model


def jansen_rit() -> Dynamics:
    """Give the model of a cortical column."""
    model = Dynamics(
        "JansenRit",
        description="Pyramidal cells with excitatory and inhibitory interneurons; y1 - y2 is the EEG signal.",
        reference="Jansen, Rit (1995) Electroencephalogram and visual evoked potential generation in a mathematical "
        "model of coupled cortical columns, Biological Cybernetics 73, 357-366, eq. 6 and section 3; time in ms.",
    )
    for name, value, unit, text in (
        ("A", 3.25, "mV", "Largest excitatory postsynaptic potential"),
        ("B", 22.0, "mV", "Largest inhibitory postsynaptic potential"),
        ("a", 0.1, "1/ms", "Inverse excitatory time constant"),
        ("b", 0.05, "1/ms", "Inverse inhibitory time constant"),
        ("v0", 6.0, "mV", "Potential at half of the highest rate"),
        ("e0", 0.0025, "1/ms", "Half of the highest rate"),
        ("r", 0.56, "1/mV", "Slope of the sigmoid"),
        ("C", 135.0, None, "Number of synapses"),
        ("p", 0.22, "1/ms", "Input rate"),
    ):
        model.add_parameter(name, value, unit, text)
    model.add_coupling_term("c_in", "Input rate from other columns")
    # C1 = C, C2 = 0.8 C, C3 = C4 = 0.25 C (section 3.1)
    model.add_derived_variable("S_p", "2*e0/(1 + exp(r*(v0 - (y1 - y2))))")
    model.add_derived_variable("S_e", "2*e0/(1 + exp(r*(v0 - C*y0)))")
    model.add_derived_variable("S_i", "2*e0/(1 + exp(r*(v0 - 0.25*C*y0)))")
    model.add_state_variable("y0", "y3", 0.1, unit="mV", description="Output of the pyramidal cells")
    model.add_state_variable(
        "y1",
        "y4",
        10.0,
        unit="mV",
        description="Excitatory potential of the pyramidal cells",
        coupling_variable=True,
    )
    model.add_state_variable(
        "y2", "y5", 5.0, unit="mV", description="Inhibitory potential of the pyramidal cells"
    )
    model.add_state_variable("y3", "A*a*S_p - 2*a*y3 - a**2*y0", 0.0, unit="mV/ms")
    model.add_state_variable("y4", "A*a*(p + c_in + 0.8*C*S_e) - 2*a*y4 - a**2*y1", 0.0, unit="mV/ms")
    model.add_state_variable("y5", "B*b*0.25*C*S_i - 2*b*y5 - b**2*y2", 0.0, unit="mV/ms")
    return model


def kuramoto() -> Dynamics:
    """Give a phase oscillator."""
    model = Dynamics(
        "Kuramoto",
        description="Phase oscillator; in a network use Coupling(pre='sin(x_j - x_i)').",
        reference="Kuramoto (1984) Chemical Oscillations, Waves, and Turbulence, Springer, eq. 5.4.1.",
    )
    model.add_parameter("omega", 1.0, "rad/ms", "Natural frequency")
    model.add_coupling_term("c_in", "Pull of the other oscillators")
    model.add_state_variable(
        "theta", "omega + c_in", 0.0, unit="rad", description="Phase", coupling_variable=True
    )
    return model


def hopf() -> Dynamics:
    """Give the normal form of a Hopf bifurcation."""
    model = Dynamics(
        "HopfNormalForm",
        description="Supercritical Hopf bifurcation at a = 0: a limit cycle of radius sqrt(a).",
        reference="Kuznetsov (2004) Elements of Applied Bifurcation Theory, 3rd ed., Springer, eq. 3.11.",
    )
    model.add_parameter("a", 0.5, description="Distance from the bifurcation")
    model.add_parameter("omega", 1.0, description="Angular frequency")
    model.add_coupling_term("c_in", "Input to x")
    model.add_state_variable("x", "(a - x**2 - y**2)*x - omega*y + c_in", 0.1, coupling_variable=True)
    model.add_state_variable("y", "(a - x**2 - y**2)*y + omega*x", 0.0)
    return model


def fitzhugh_nagumo() -> Dynamics:
    """Give the planar caricature of a nerve membrane."""
    model = Dynamics(
        "FitzHughNagumo",
        description="Excitable membrane, the Bonhoeffer-van der Pol model.",
        reference="FitzHugh (1961) Impulses and physiological states in theoretical models of nerve membrane, "
        "Biophysical Journal 1, 445-466, eqs. 1-2, with v = -x, w = -y and input I = -z.",
    )
    for name, value, text in (
        ("a", 0.7, "Shift of the recovery"),
        ("b", 0.8, "Decay of the recovery"),
        ("c", 3.0, "Separation of the time scales"),
        ("I", 0.5, "Stimulating current"),
    ):
        model.add_parameter(name, value, description=text)
    model.add_coupling_term("c_in", "Input from other nodes")
    model.add_state_variable(
        "v", "c*(v - v**3/3 - w + I + c_in)", 0.1, description="Excitability", coupling_variable=True
    )
    model.add_state_variable("w", "(v + a - b*w)/c", 0.0, description="Recovery")
    return model


def lorenz() -> Dynamics:
    """Give the chaotic model of convection."""
    model = Dynamics(
        "Lorenz",
        description="Three modes of convection; chaotic with the values given.",
        reference="Lorenz (1963) Deterministic nonperiodic flow, Journal of the Atmospheric Sciences 20, 130-141, "
        "eqs. 25-27.",
    )
    model.add_parameter("sigma", 10.0, description="Prandtl number")
    model.add_parameter("rho", 28.0, description="Rayleigh number by its critical value")
    model.add_parameter("beta", 8.0 / 3.0, description="Aspect ratio of the rolls")
    model.add_state_variable(
        "x", "sigma*(y - x)", 1.0, description="Intensity of convection", coupling_variable=True
    )
    model.add_state_variable("y", "x*(rho - z) - y", 1.0, description="Horizontal difference of temperature")
    model.add_state_variable("z", "x*y - beta*z", 1.0, description="Vertical distortion of temperature")
    return model


def epileptor() -> Dynamics:
    """Give the phenomenological model of seizures."""
    model = Dynamics(
        "Epileptor",
        description="Fast discharges (x1, y1) and spike-wave events (x2, y2), driven by a slow permittivity z. The "
        "filtered coupling of both is the state u.",
        reference="Jirsa, Stacey, Quilichini, Ivanov, Bernard (2014) On the nature of seizure dynamics, Brain 137(8), "
        "2210-2230, eqs. 1-5 of the methods, with the low-pass filter g(x1) written as a differential equation.",
    )
    for name, value, text in (
        ("x0", -1.6, "Degree of epileptogenicity"),
        ("y0", 1.0, "Baseline of y1"),
        ("tau0", 2857.0, "Time constant of the permittivity"),
        ("tau1", 1.0, "Time constant of the fast discharges"),
        ("tau2", 10.0, "Time constant of the spike-wave events"),
        ("I_rest1", 3.1, "Input of the first population"),
        ("I_rest2", 0.45, "Input of the second population"),
        ("gamma", 0.01, "Inverse time constant of the filter"),
    ):
        model.add_parameter(name, value, description=text)
    model.add_coupling_term("c_in", "Input from other nodes to x1")
    model.add_derived_variable("f1", "where(x1 < 0, x1**3 - 3*x1**2, (x2 - 0.6*(z - 4)**2)*x1)")
    model.add_derived_variable("f2", "where(x2 < -0.25, 0, 6*(x2 + 0.25))")
    model.add_state_variable("x1", "(y1 - f1 - z + I_rest1 + c_in)/tau1", -1.5, coupling_variable=True)
    model.add_state_variable("y1", "(y0 - 5*x1**2 - y1)/tau1", -10.0)
    model.add_state_variable("z", "(4*(x1 - x0) - z)/tau0", 3.5)
    # 0.002 g(x1) of eq. 4 is 0.002 times the integral of exp(-gamma (t - s)) x1(s): that integral is u.
    model.add_state_variable("x2", "-y2 + x2 - x2**3 + I_rest2 + 0.002*u - 0.3*(z - 3.5)", -1.0)
    model.add_state_variable("y2", "(-y2 + f2)/tau2", 0.0)
    model.add_state_variable("u", "x1 - gamma*u", 0.0, description="Low-pass filter of x1")
    return model


MODELS: Final[Mapping[str, Callable[[], Dynamics]]] = {
    "Generic2dOscillator": generic_2d_oscillator,
    "VanDerPol": van_der_pol,
    "MontbrioPazoRoxin": montbrio_pazo_roxin,
    "QIF": montbrio_pazo_roxin,
    "WilsonCowan": wilson_cowan,
    "ReducedWongWang": reduced_wong_wang,
    "JansenRit": jansen_rit,
    "Kuramoto": kuramoto,
    "HopfNormalForm": hopf,
    "FitzHughNagumo": fitzhugh_nagumo,
    "Lorenz": lorenz,
    "Epileptor": epileptor,
}
"""What makes a model, by its name."""
