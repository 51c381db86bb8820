"""Callbacks: what runs beside training."""

from jkeras.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from jkeras.callbacks.base import Callback as Callback
from jkeras.callbacks.callback_list import CallbackList as CallbackList
from jkeras.callbacks.csv_logger import CSVLogger as CSVLogger
from jkeras.callbacks.early_stopping import EarlyStopping as EarlyStopping
from jkeras.callbacks.history import History as History
from jkeras.callbacks.json_logger import JSONLogger as JSONLogger
from jkeras.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from jkeras.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
from jkeras.callbacks.mlflow_logger import MLflowLogger as MLflowLogger
from jkeras.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from jkeras.callbacks.nan_finder import NaNFinder as NaNFinder
from jkeras.callbacks.orbax_checkpoint import OrbaxCheckpoint as OrbaxCheckpoint
from jkeras.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
from jkeras.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau as ReduceLROnPlateau
from jkeras.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
from jkeras.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from jkeras.callbacks.tensorboard import TensorBoard as TensorBoard
from jkeras.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
from jkeras.callbacks.time_budget import TimeBudget as TimeBudget
from jkeras.callbacks.timer import Timer as Timer
from jkeras.callbacks.wandb_logger import WandbLogger as WandbLogger
