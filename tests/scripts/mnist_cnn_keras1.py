'''Keras 1: a small convnet on digits.'''
from __future__ import print_function
import numpy as np
np.random.seed(1337)
from keras.datasets import mnist
from keras.models import Sequential
from keras.layers.core import Dense, Dropout, Activation, Flatten
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.layers.normalization import BatchNormalization
from keras.optimizers import SGD, Adadelta
from keras.utils import np_utils
from keras import backend as K

batch_size = 32
nb_classes = 10
nb_epoch = 2
img_rows, img_cols = 12, 12
nb_filters = 4
pool_size = (2, 2)
kernel_size = (3, 3)
X_train = np.random.rand(96, img_rows, img_cols)
y_train = np.random.randint(0, 10, 96)
if K.image_dim_ordering() == 'th':
    X_train = X_train.reshape(X_train.shape[0], 1, img_rows, img_cols)
    input_shape = (1, img_rows, img_cols)
else:
    X_train = X_train.reshape(X_train.shape[0], img_rows, img_cols, 1)
    input_shape = (img_rows, img_cols, 1)
X_train = X_train.astype('float32')
Y_train = np_utils.to_categorical(y_train, nb_classes)
model = Sequential()
model.add(Convolution2D(nb_filters, kernel_size[0], kernel_size[1], border_mode='valid', input_shape=input_shape))
model.add(Activation('relu'))
model.add(Convolution2D(nb_filters, kernel_size[0], kernel_size[1], init='he_normal', subsample=(1, 1)))
model.add(BatchNormalization(mode=0, axis=-1))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=pool_size, dim_ordering='tf'))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(output_dim=16, init='uniform', W_regularizer='l2'))
model.add(Activation('relu'))
model.add(Dropout(p=0.5))
model.add(Dense(nb_classes))
model.add(Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer=SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True), metrics=['accuracy'])
hist = model.fit(X_train, Y_train, batch_size=batch_size, nb_epoch=nb_epoch, verbose=1, validation_split=0.2)
score = model.evaluate(X_train, Y_train, verbose=0)
print('Test score:', score[0])
print('Test accuracy:', score[1])
assert len(hist.history['acc']) == 2 and len(hist.history['val_acc']) == 2
classes = model.predict_classes(X_train, batch_size=32, verbose=0)
assert classes.shape == (96,)
