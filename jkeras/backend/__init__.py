"""`K`: the functions of `keras.backend`, for arrays and symbolic tensors alike."""

from jkeras.backend.convolution import *
from jkeras.backend.ctc import *
from jkeras.backend.elementwise import *
from jkeras.backend.functions import *
from jkeras.backend.loops import *
from jkeras.backend.neural import *
from jkeras.backend.phases import *
from jkeras.backend.products import *
from jkeras.backend.random import *
from jkeras.backend.reductions import *
from jkeras.backend.refusals import *
from jkeras.backend.settings import *
from jkeras.backend.shapes import *
from jkeras.backend.variables import *
