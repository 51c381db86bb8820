"""Where the last checkpoints of a run are kept: one file, written by a thread; or shards, written by all processes."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

from jkeras.core import blame
from jkeras.saving.checkpoint import DamagedError, Snapshot, load_checkpoint, snapshot
from jkeras.saving.checkpoint_file import write_file
from jkeras.saving.sharded_checkpoint import orbax_checkpoint, save_arguments

# The threads that write, by file: also one that a run which was interrupted in this process has left behind.
_writing: dict[Path, threading.Thread] = {}


class FileStore:
    """The last checkpoint in one file, and the one before it in another if that is wanted.

    Args:
        folder: Where they are.
        keeps_two: Whether to keep the one before the last.
    """

    def __init__(self, folder: Any, keeps_two: bool):
        self.folder, self.keeps_two = Path(folder), keeps_two
        self.path = Path(folder, "latest.checkpoint.h5")
        self.previous_path = Path(folder, "previous.checkpoint.h5")
        self._error: BaseException | None = None

    def load(self, model: Any) -> None:
        """Let a model go on from the last checkpoint that is whole, if there is one."""
        self.finish()
        try:
            if self.path.exists():
                load_checkpoint(model, self.path)
        except DamagedError as error:
            if not self.previous_path.exists():
                raise
            blame.warn(f"{error} Training goes on from the checkpoint before it.")
            load_checkpoint(model, self.previous_path)

    def save(self, model: Any) -> None:
        """Copy what a model holds now, and let a thread write it."""
        self.finish()
        taken = snapshot(model).on_host()
        # No daemon: a process that ends in order, also by an exception, writes what it began to write.
        thread = _writing[self.path.absolute()] = threading.Thread(
            target=self._write, args=(taken,), name="jkeras-backup"
        )
        thread.start()

    def finish(self) -> None:
        """Wait for the checkpoint that is being written, and raise what went wrong with it."""
        thread = _writing.get(self.path.absolute())
        if thread is not None:
            thread.join()
            _writing.pop(self.path.absolute(), None)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def delete(self) -> None:
        """Delete the checkpoints, and the folder if nothing else is in it."""
        for path in (self.path, self.previous_path):
            path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _write(self, taken: Snapshot) -> None:
        try:
            if self.keeps_two and self.path.exists():
                self._keep_as_previous()
            write_file(self.path, *taken)
        except BaseException as error:
            self._error = error

    def _keep_as_previous(self) -> None:
        """Give the last checkpoint a second name, so that there is one under the first at any time."""
        second = self.previous_path.with_suffix(".new")
        second.unlink(missing_ok=True)
        try:
            os.link(self.path, second)
        except OSError:  # a file system without links
            shutil.copyfile(self.path, second)
        os.replace(second, self.previous_path)


class ShardedStore:
    """Numbered folders of shards, by Orbax; every process writes its part, and all of them call each method.

    Args:
        folder: The folder of the folders.
        kept: How many checkpoints are kept, the last ones; None: all.
        on_background: Whether the loop goes on while a checkpoint is written.

    Raises:
        ImportError: If `orbax-checkpoint` is not installed.
    """

    def __init__(self, folder: Any, kept: int | None = 1, on_background: bool = True):
        orbax_checkpoint()
        self.folder, self.kept, self.on_background = Path(folder).absolute(), kept, on_background
        self._manager: Any = None

    def load(self, model: Any) -> None:
        """Let a model go on from the last checkpoint, if there is one."""
        if self.folder.is_dir() and any(below.name.isdigit() for below in self.folder.iterdir()):
            load_checkpoint(model, self.folder)

    def save(self, model: Any, number: int | None = None, weights_only: bool = False) -> None:
        """Write what a model holds now, under a number: the updates done so far if it is left out."""
        if number is None:
            number = model._compiled.training.position().step
        arguments = save_arguments(snapshot(model, weights_only))
        manager = self._opened()
        manager.wait_until_finished()
        if number in manager.all_steps():  # of the run that this one goes on with, or of another
            manager.delete(number)
        manager.save(number, args=arguments, force=True)

    def finish(self) -> None:
        """Wait for what is being written."""
        if self._manager is not None:
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Wait for what is being written, and let go of the folder."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def delete(self) -> None:
        """Delete the checkpoints."""
        manager = self._opened()
        for number in manager.all_steps():
            manager.delete(number)
        self.close()

    def _opened(self) -> Any:
        if self._manager is None:
            orbax = orbax_checkpoint()
            options = orbax.CheckpointManagerOptions(
                max_to_keep=self.kept, enable_async_checkpointing=self.on_background
            )
            self._manager = orbax.CheckpointManager(self.folder, options=options)
        return self._manager

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_manager": None}
