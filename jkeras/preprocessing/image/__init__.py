"""Images: files, resizing, random transforms, and generators of augmented batches."""

from jkeras.preprocessing.image.affine import apply_affine_transform as apply_affine_transform
from jkeras.preprocessing.image.affine import random_rotation as random_rotation
from jkeras.preprocessing.image.affine import random_shear as random_shear
from jkeras.preprocessing.image.affine import random_shift as random_shift
from jkeras.preprocessing.image.affine import random_zoom as random_zoom
from jkeras.preprocessing.image.elastic import elastic_deformation as elastic_deformation
from jkeras.preprocessing.image.files import DataFrameIterator as DataFrameIterator
from jkeras.preprocessing.image.files import DirectoryIterator as DirectoryIterator
from jkeras.preprocessing.image.generator import ImageDataGenerator as ImageDataGenerator
from jkeras.preprocessing.image.intensity import apply_brightness_shift as apply_brightness_shift
from jkeras.preprocessing.image.intensity import apply_channel_shift as apply_channel_shift
from jkeras.preprocessing.image.intensity import random_brightness as random_brightness
from jkeras.preprocessing.image.intensity import random_channel_shift as random_channel_shift
from jkeras.preprocessing.image.iterator import Iterator as Iterator
from jkeras.preprocessing.image.iterator import NumpyArrayIterator as NumpyArrayIterator
from jkeras.preprocessing.image.loading import array_to_img as array_to_img
from jkeras.preprocessing.image.loading import img_to_array as img_to_array
from jkeras.preprocessing.image.loading import load_img as load_img
from jkeras.preprocessing.image.loading import save_img as save_img
from jkeras.preprocessing.image.resizing import smart_resize as smart_resize
