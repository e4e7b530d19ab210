"""How does a run keep a plain folder of files: parameters, arrays, plots, messages, status?

The names and the folder layout are those of notata 0.3, so that its scripts and folders go on working::

    log_<run_id>/
        log.txt            [YYYY-MM-DDTHH:MM:SS] LEVEL message
        metadata.json      status, start_time, end_time, runtime_sec, failure_reason, traceback, ...
        params.yaml        parameters
        data/              .npy and .npz
        plots/             figures
        artifacts/         .json, .txt, .pkl, raw bytes
"""

from pypet_ng.logbook.bridge import export_logbook, import_logbook
from pypet_ng.logbook.experiment import Experiment
from pypet_ng.logbook.logbook import Logbook
from pypet_ng.logbook.reader import ExperimentReader, LogReader

__all__ = ["Experiment", "ExperimentReader", "LogReader", "Logbook", "export_logbook", "import_logbook"]
