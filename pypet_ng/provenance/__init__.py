"""Which code made these numbers?"""

from pypet_ng.provenance.keeping import CommitFacts, GitMode, commit_changes, refuse_changes, snapshot
from pypet_ng.provenance.recording import CodeRecord
from pypet_ng.provenance.repository import GitError, Repository, around_script

__all__ = [
    "CodeRecord",
    "CommitFacts",
    "GitError",
    "GitMode",
    "Repository",
    "around_script",
    "commit_changes",
    "refuse_changes",
    "snapshot",
]
