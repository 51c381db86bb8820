'''Keras 2.0: an MLP whose model comes from a module beside the script; seeds by TensorFlow 1.'''
from __future__ import print_function
import os
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '2'
import keras
import tensorflow as tf
import numpy as np
from keras.optimizers import RMSprop
from keras.callbacks import ModelCheckpoint, CSVLogger, ReduceLROnPlateau, EarlyStopping
from helpers.nets import build_model
import tempfile
os.chdir(tempfile.mkdtemp())
print('Using Keras', keras.__version__, 'and TensorFlow', tf.__version__)
assert keras.__version__ >= '2.0'
np.random.seed(7)
tf.set_random_seed(7)
tf.logging.set_verbosity(tf.logging.ERROR)
x_train = np.random.rand(64, 20).astype('float32')
y_train = keras.utils.to_categorical(np.random.randint(0, 3, 64), 3)
model = build_model(20, 3)
model.compile(loss='categorical_crossentropy', optimizer=RMSprop(lr=0.001, rho=0.9, epsilon=1e-08, decay=0.0), metrics=['accuracy'])
callbacks = [
    ModelCheckpoint('weights.{epoch:02d}-{val_loss:.2f}.hdf5', save_weights_only=True, period=1),
    CSVLogger('log.csv', append=True, separator=';'),
    ReduceLROnPlateau(monitor='val_acc', factor=0.5, patience=1, min_lr=1e-5, epsilon=1e-4),
    EarlyStopping(monitor='val_acc', min_delta=0, patience=5, verbose=0, mode='auto'),
]
history = model.fit(x_train, y_train, batch_size=16, epochs=2, verbose=2, validation_split=0.25, callbacks=callbacks, class_weight={0: 1., 1: 2., 2: 1.})
for key in ('acc', 'val_acc', 'loss', 'val_loss', 'lr'):
    assert len(history.history[key]) == 2, key
score = model.evaluate(x_train, y_train, verbose=0)
print('Test loss:', score[0], 'Test accuracy:', score[1])
assert len([f for f in os.listdir('.') if f.endswith('.hdf5')]) == 2
