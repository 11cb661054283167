"""The tasks of the family by name."""

from collections.abc import Mapping

from .memory_task import MemoryTask
from .picture_tasks import PictureMemory, PictureNBack
from .tasks import NBackMemory, SequenceMemory

TASKS: Mapping[str, type[MemoryTask]] = {
    task.name: task for task in (SequenceMemory, NBackMemory, PictureNBack, PictureMemory)
}
