"""What happens at the end of an epoch: checkpoints that survive a kill, progress, and a stop at the time limit."""

import os
import sys
import time
from datetime import timedelta

import keras
import numpy as np
from tqdm import tqdm

from ferlib.fused import renew_norms


class Checkpoints(keras.callbacks.Callback):
    """The weights of the last whole epoch and of the best one, so written that a kill at any moment leaves them good.

    Keras' own BackupAndRestore writes over its only copy: a process killed meanwhile cannot be resumed.

    Parameters
    ----------
    folder : Path
        Holds `history.csv` too, written by Keras' CSVLogger before this callback's turn.
    batches : Batches
        Told of each epoch, like the random layers, so that a resumed run goes on exactly as it would have.
    stateful : list of keras.callbacks.Callback
        Told of the epochs of the interrupted run when it is resumed.
    """

    def __init__(self, folder, *, batches, stateful=()):
        super().__init__()
        self.folder, self.history = folder, folder / "history.csv"
        self.batches, self.stateful = batches, stateful

    def restore(self, trainer):
        """Load the last whole epoch's weights and optimiser; the number of epochs done."""
        if not self._paths():
            return 0
        last = self._paths()[-1]
        done = int(last.name.split(".")[0].removeprefix("epoch-")) + 1
        rows = self.history.read_text().splitlines(keepends=True)
        half_written = self.history.with_suffix(".half-written")
        half_written.write_text("".join(rows[: done + 1]))  # a row more if the kill came before its weights
        os.replace(half_written, self.history)
        trainer.optimizer.build(trainer.trainable_variables)
        trainer.load_weights(last)
        return done

    def on_train_begin(self, logs=None):
        if not self._paths():
            return
        rate = float(self.model.optimizer.learning_rate)
        for row in np.atleast_1d(np.genfromtxt(self.history, delimiter=",", names=True)):
            for callback in self.stateful:
                callback.on_epoch_end(int(row["epoch"]), {name: float(row[name]) for name in row.dtype.names})
        if any(isinstance(callback, keras.callbacks.ReduceLROnPlateau) for callback in self.stateful):
            self.model.optimizer.learning_rate = rate

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.start_epoch(epoch)
        _rewind(self.model, epoch << 20)

    def on_epoch_end(self, epoch, logs=None):
        half_written = self.folder / "half-written.weights.h5"
        self.model.save_weights(half_written)
        os.replace(half_written, self._path(epoch))
        keep = {self._path(epoch), self.best()}
        for path in set(self._paths()) - keep:
            path.unlink()

    def best(self):
        """Path of the weights that are best on PublicTest."""
        scores = np.atleast_1d(np.genfromtxt(self.history, delimiter=",", names=True)["val_accuracy"])
        return self._path(int(scores.argmax()))

    def _path(self, epoch):
        return self.folder / f"epoch-{epoch:04}.weights.h5"

    def _paths(self):
        return sorted(self.folder.glob("epoch-*.weights.h5"))


def _rewind(model, count):
    """Set how often random layers have drawn: Keras does not save it."""
    for variable in model.variables:
        if variable.name == "seed_generator_state":  # a seed and a counter
            seed = int(keras.ops.convert_to_numpy(variable)[0])
            variable.assign(np.array([seed, count], dtype="uint32"))


class AveragedWeights(keras.callbacks.SwapEMAWeights):
    """Scores the running mean of the weights, with statistics of batch normalisation that belong to it.

    Those that training gathers belong to the weights of the moment; with them their mean may answer nonsense.

    Parameters
    ----------
    network : keras.Model
    images : (N, 48, 48, 1) uint8
        Trained on.
    """

    def __init__(self, network, images):
        super().__init__()
        self.network, self.images = network, images

    def on_test_begin(self, logs=None):
        super().on_test_begin(logs)
        self._renew()

    def keep(self):
        """Leave the mean in the place of the weights, for good."""
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self._renew()

    def _renew(self):
        _rewind(self.network, 0)
        renew_norms(self.network, self.images)


class EpochLog(keras.callbacks.Callback):
    """Adds seconds and learning rate to the logs of each epoch, for the callbacks after it."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = round(time.perf_counter() - self.start, 2)
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class Progress(keras.callbacks.Callback):
    """Epoch, images a second, time left, losses: a bar that moves, and a line for each whole epoch.

    Parameters
    ----------
    images : int
        Training images an epoch.
    name : str
        Of the run.
    bar : bool
        Without it, or without a terminal, only the lines are printed, to stdout.
    """

    def __init__(self, images, *, name, bar):
        super().__init__()
        self.images, self.name, self.bar, self.seconds = images, name, bar, []

    def on_epoch_begin(self, epoch, logs=None):
        self.title = f"{self.name}, epoch {epoch + 1}/{self.params['epochs']}"
        self.start, self.done = time.perf_counter(), 0
        self.steps = tqdm(
            desc=self.title,
            total=self.images,
            unit=" images",
            leave=False,
            disable=None if self.bar else True,
            file=sys.stderr,
        )

    def on_train_batch_end(self, batch, logs=None):
        step = -(-self.images // self.params["steps"])
        self.steps.update(min(step, self.images - self.steps.n))
        if batch % 10 == 0 and logs:
            self.steps.set_postfix_str(f"loss {float(logs['loss']):.3f}", refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        self.steps.close()
        self.seconds.append(time.perf_counter() - self.start)
        left = np.mean(self.seconds) * (self.params["epochs"] - epoch - 1)
        print(
            f"{self.title}: {self.images / self.seconds[-1]:.0f} images/s, {timedelta(seconds=round(left))} left, "
            f"loss {logs['loss']:.3f}, accuracy {logs['accuracy']:.1%}, "
            f"PublicTest loss {logs['val_loss']:.3f}, accuracy {logs['val_accuracy']:.1%}",
            flush=True,
        )


class TimeLimit(keras.callbacks.Callback):
    """Stops after the epoch that the next one, as long as the longest so far, would carry past the limit.

    Parameters
    ----------
    seconds : float
    """

    def __init__(self, seconds):
        super().__init__()
        self.deadline, self.longest, self.reached = time.monotonic() + seconds, 0.0, False

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        self.longest = max(self.longest, now - self.start)
        if now + self.longest > self.deadline and epoch + 1 < self.params["epochs"]:
            self.reached = self.model.stop_training = True
