"""At the end of an epoch: checkpoints that survive a kill, averaged weights, the time limit, a line of progress."""

import time
from datetime import timedelta

import keras
import numpy as np
from tqdm import tqdm

from ferlib._atomic import whole_or_nothing
from ferlib.training._batchnorm import recalibrate_batchnorm


class Checkpoints(keras.callbacks.Callback):
    """The weights of the last whole epoch and of the best one; a kill at any moment leaves a state to resume from.

    Keras' BackupAndRestore can keep two copies since 3.15 (double_checkpoint), but weights and epoch number are two
    files: a kill between them repeats an epoch. Here the number is in the name of the file.

    The folder holds `history.csv` too, written by Keras' CSVLogger before this callback's turn. The `Batches` and the
    random layers are told of each epoch, and stateful callbacks of those before, so that a resumed run goes on exactly
    as it would have.
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
        with whole_or_nothing(self.history) as path:
            path.write_text("".join(rows[: done + 1]))  # there is a row more if the kill came before its weights
        trainer.optimizer.build(trainer.trainable_variables)
        trainer.load_weights(last)
        return done

    def on_train_begin(self, logs=None):
        if not self._paths():
            return
        rate = float(self.model.optimizer.learning_rate)
        rows = self._rows()
        for row in rows:
            for callback in self.stateful:
                callback.on_epoch_end(int(row["epoch"]), {name: float(row[name]) for name in rows.dtype.names})
        if any(isinstance(callback, keras.callbacks.ReduceLROnPlateau) for callback in self.stateful):
            self.model.optimizer.learning_rate = rate

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.start_epoch(epoch)
        _rewind(self.model, epoch << 20)

    def on_epoch_end(self, epoch, logs=None):
        with whole_or_nothing(self._path(epoch)) as path:
            self.model.save_weights(path)
        for path in set(self._paths()) - {self._path(epoch), self.best()}:
            path.unlink()

    def best(self):
        """Path of the weights that are best on PublicTest."""
        return self._path(int(self._rows()["val_accuracy"].argmax()))

    def _rows(self):
        return np.atleast_1d(np.genfromtxt(self.history, delimiter=",", names=True))

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

    Those that training gathers belong to the weights of the moment; with them their mean may predict nonsense. They are
    measured on the training images, (N, 48, 48, 1) uint8.
    """

    def __init__(self, network, images):
        super().__init__()
        self.network, self.images = network, images

    def on_test_begin(self, logs=None):
        super().on_test_begin(logs)
        self._recalibrate()

    def keep(self):
        """Leave the mean in the place of the weights, for good."""
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self._recalibrate()

    def _recalibrate(self):
        _rewind(self.network, 0)
        recalibrate_batchnorm(self.network, self.images)


class Clock(keras.callbacks.Callback):
    """Adds seconds and learning rate to the logs of each epoch, for the callbacks after it, and stops training in time.

    Parameters
    ----------
    deadline : float
        In terms of `time.monotonic()`. An epoch that, as long as the longest so far, would end later is not begun.
    """

    def __init__(self, deadline):
        super().__init__()
        self.deadline, self.longest, self.stopped = deadline, 0.0, False

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        now = time.monotonic()
        logs["seconds"] = round(now - self.start, 2)
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        self.longest = max(self.longest, now - self.start)
        if now + self.longest > self.deadline and epoch + 1 < self.params["epochs"]:
            self.stopped = self.model.stop_training = True


class EpochLine(keras.callbacks.Callback):
    """Prints a line for each whole epoch, of so many training images, of the run `name`; comes after `Clock`."""

    def __init__(self, images, *, name):
        super().__init__()
        self.images, self.name, self.seconds = images, name, []

    def on_epoch_end(self, epoch, logs=None):
        epochs = self.params["epochs"]
        self.seconds.append(max(logs["seconds"], 0.01))
        left = timedelta(seconds=round(np.mean(self.seconds) * (epochs - epoch - 1)))
        with tqdm.external_write_mode():  # beside a bar
            print(
                f"{self.name}, epoch {epoch + 1}/{epochs}: {self.images / self.seconds[-1]:.0f} images/s, {left} left, "
                f"loss {logs['loss']:.3f}, accuracy {logs['accuracy']:.1%}, "
                f"PublicTest loss {logs['val_loss']:.3f}, accuracy {logs['val_accuracy']:.1%}",
                flush=True,
            )
