"""Data before the model: sequences, texts, images, and data sets from folders."""

from jkeras.preprocessing import image as image
from jkeras.preprocessing import sequence as sequence
from jkeras.preprocessing import text as text
from jkeras.preprocessing.audio_dataset import audio_dataset_from_directory as audio_dataset_from_directory
from jkeras.preprocessing.image_dataset import image_dataset_from_directory as image_dataset_from_directory
from jkeras.preprocessing.text_dataset import text_dataset_from_directory as text_dataset_from_directory
from jkeras.preprocessing.timeseries_dataset import timeseries_dataset_from_array as timeseries_dataset_from_array
