"""Groups, comments, annotations, links and dictionaries of the tree."""

from pypet import (
    NotUniqueNodeError,
    Parameter,
    ParameterGroup,
    Result,
    ResultGroup,
    Trajectory,
    load_trajectory,
)


def refused(what, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except NotUniqueNodeError:
        print(what, "-> NotUniqueNodeError")
    except (TypeError, ValueError, AttributeError) as error:
        kinds = [kind.__name__ for kind in (TypeError, ValueError, AttributeError) if isinstance(error, kind)]
        print(what, "->", kinds[0])
    else:
        print(what, "-> fine")


def main():
    traj = Trajectory("tree", filename="tree.hdf5", add_time=False, comment="Of the tree")
    neuron = traj.f_add_parameter_group("neuron", comment="All about neurons")
    neuron.f_add_parameter("tau", 10.0, comment="Time constant")
    neuron.f_add_parameter("v.reset", -65.0, "Reset potential")
    traj.f_apar("network.size", 100, comment="Number of neurons")
    traj.par.network.f_apar("tau", 3.0)
    traj.f_add_parameter(Parameter("solver.dt", 0.1, "Step"))
    traj.par.f_add_group("empty", "Nothing yet")
    traj.f_aconf("threads", 2)
    traj.f_adpar("scaled.tau", 5.0)
    traj.f_add_result_group("measures").f_add_result("rate", 12.5, comment="in Hz")
    traj.f_ares("measures.table", a=1, b=2)
    traj.f_add_group("extras")
    traj.extras.f_add_leaf("note", "anything")
    traj.parameters.network.inside = Parameter("inside", True, comment="by assignment")
    traj.results.measures.late = Result("late", "too")

    for node in (
        traj,
        traj.par,
        neuron,
        traj.f_get("v.reset"),
        traj.f_get("rate"),
        traj.extras,
        traj.f_get("note"),
    ):
        print(
            "%r %r %r depth %d %s group:%s leaf:%s root:%s %s"
            % (
                node.v_name,
                node.v_full_name,
                node.v_location,
                node.v_depth,
                node.v_branch or "-",
                node.v_is_group,
                node.v_is_leaf,
                node.v_is_root,
                node.f_get_class_name(),
            )
        )
    print(isinstance(neuron, ParameterGroup), isinstance(traj.measures, ResultGroup))
    print(
        neuron.v_comment, "|", traj.f_get("reset").v_comment, "|", traj.v_comment, "|", traj.empty.v_comment
    )
    neuron.v_comment = "Changed"
    print(neuron.v_comment)

    print(
        traj.reset,
        traj["neuron.tau"],
        traj.par.neuron["v"]["reset"],
        traj.f_get("network.tau", fast_access=True),
    )
    print(traj.parameters.f_get("size").v_full_name, traj.f_get(["parameters", "solver", "dt"]).f_get())
    refused("two taus", lambda: traj.parameters.tau)
    refused("no such", lambda: traj.nothing)
    refused("no such item", lambda: traj["nothing.at.all"])
    refused("name", traj.f_add_parameter, "_hidden", 1)
    refused("name with blank", traj.f_add_parameter, "a b", 1)
    refused("there already", traj.f_add_parameter, "neuron.tau", 1.0)
    print(
        traj.f_get_default("nothing", 7), traj.f_get_default("size", 7), traj.f_get_default("measures.rate")
    )
    print([node.v_full_name for node in traj.f_get_all("tau")])
    print(
        "neuron" in traj,
        "tau" in traj.neuron,
        traj.f_contains("tau"),
        traj.f_contains("reset", shortcuts=True),
        "x" in traj,
    )

    print(
        neuron.f_children(), neuron.f_has_children(), neuron.f_leaves(), neuron.f_groups(), neuron.f_links()
    )
    print(
        sorted(traj.parameters.f_get_children()), sorted(neuron.f_get_leaves()), sorted(neuron.f_get_groups())
    )
    print([node.v_full_name for node in traj.parameters.f_iter_nodes()])
    print([leaf.v_full_name for leaf in traj.f_iter_leaves() if not leaf.v_full_name.startswith("config")])
    print([node.v_name for node in traj.parameters])
    print(sorted(traj.parameters.f_to_dict(fast_access=True).items()))
    print(
        sorted(traj.measures.f_to_dict(short_names=True)),
        sorted(traj.neuron.f_to_dict(short_names=True, fast_access=True).items()),
    )
    print(traj.parameters.f_to_dict(nested=True, fast_access=True))
    refused("short names", traj.parameters.f_to_dict, short_names=True)
    print(sorted(traj.f_get_results()), traj.f_get_derived_parameters(fast_access=True))
    print(
        traj.f_get_config(fast_access=True)["config.threads"],
        sorted(traj.f_to_dict()) == sorted(traj.f_to_dict(fast_access=True)),
    )

    # annotations
    rate = traj.f_get("rate")
    rate.v_annotations.unit = "Hz"
    rate.v_annotations["trials"] = 3
    rate.f_set_annotations(authors=["A", "B"])
    print(
        rate.f_ann_to_str(),
        rate.f_get_annotations("unit"),
        rate.v_annotations.f_to_dict(),
        list(rate.v_annotations),
    )
    neuron.v_annotations.f_set("plain", kind="lif")
    print(
        neuron.v_annotations.f_ann_to_str(),
        neuron.v_annotations.f_is_empty(),
        neuron.v_annotations.annotation,
    )
    refused("annotation", rate.v_annotations.f_get, "nothing")
    del rate.v_annotations["trials"]
    print(rate.v_annotations.f_get("unit"), "trials" in rate.v_annotations)

    # links
    link = traj.results.measures.f_add_link("constant", traj.f_get("neuron.tau"))
    print(
        link.v_full_name, traj.measures.constant, traj.measures.f_links(), sorted(traj.measures.f_get_links())
    )
    traj.extras.cells = traj.neuron
    print(
        traj.extras.cells.v_full_name,
        traj.extras.cells is neuron,
        traj["extras.cells.tau"],
        traj.extras.cells.v.reset,
    )
    print([node.v_full_name for node in traj.extras.f_iter_nodes(with_links=False)])
    print(sorted(node.v_full_name for node in traj.extras.f_iter_nodes()))
    print(sorted(traj.extras.f_to_dict()), sorted(traj.extras.f_to_dict(with_links=False)))
    refused("without links", lambda: traj.f_get("extras.cells.tau", with_links=False))
    refused("root", traj.extras.f_add_link, "top", traj)
    refused("over links", lambda: traj.f_add_leaf("extras.cells.more", 1))
    refused("no link", traj.extras.f_remove_link, "nothing")

    traj.f_store()
    again = load_trajectory(name="tree", filename="tree.hdf5", load_all=2)
    print(
        again.v_comment,
        again.neuron.v_comment,
        again.f_get("rate").f_ann_to_str(),
        again.neuron.v_annotations.kind,
    )
    print(again.measures.constant, again.extras.cells.v_full_name, again.extras.f_links(), again.extras.note)
    print(again.extras.cells is again.neuron, again.empty.v_comment, again.f_get("inside").f_get_class_name())
    again.extras.f_remove_link("cells")
    print("cells" in again.extras, "neuron" in again.par)
    again.f_remove_item("neuron", recursive=True)
    print("neuron" in again.par, again.measures.f_links(), again.f_contains("parameters.neuron.tau"))
    refused("with children", again.par.network.f_remove, recursive=False)
    again.par.f_remove_child("network", recursive=True)
    print(sorted(again.f_get_parameters()))
    again.f_load(load_parameters=2)
    print(sorted(again.f_get_parameters()))


if __name__ == "__main__":
    main()
