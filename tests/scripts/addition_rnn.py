# -*- coding: utf-8 -*-
'''Sequence to sequence addition: RepeatVector, TimeDistributed, six.moves-era idioms.'''
from __future__ import print_function
from keras.models import Sequential
from keras import layers
import numpy as np

class CharacterTable(object):
    def __init__(self, chars):
        self.chars = sorted(set(chars))
        self.char_indices = dict((c, i) for i, c in enumerate(self.chars))
        self.indices_char = dict((i, c) for i, c in enumerate(self.chars))
    def encode(self, C, num_rows):
        x = np.zeros((num_rows, len(self.chars)))
        for i, c in enumerate(C):
            x[i, self.char_indices[c]] = 1
        return x
    def decode(self, x, calc_argmax=True):
        if calc_argmax:
            x = x.argmax(axis=-1)
        return ''.join(self.indices_char[i] for i in x)

DIGITS, MAXLEN = 2, 5
chars = '0123456789+ '
ctable = CharacterTable(chars)
rows = [(a, b) for a in range(0, 90, 11) for b in range(0, 60, 9)]
x = np.array([ctable.encode('{}+{}'.format(a, b).ljust(MAXLEN), MAXLEN) for a, b in rows], dtype=bool)
y = np.array([ctable.encode(str(a + b).ljust(DIGITS + 1), DIGITS + 1) for a, b in rows], dtype=bool)
RNN = layers.LSTM
model = Sequential()
model.add(RNN(12, input_shape=(MAXLEN, len(chars))))
model.add(layers.RepeatVector(DIGITS + 1))
for _ in range(1):
    model.add(RNN(12, return_sequences=True))
model.add(layers.TimeDistributed(layers.Dense(len(chars))))
model.add(layers.Activation('softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
model.summary()
for iteration in range(1, 3):
    print('-' * 50)
    model.fit(x, y, batch_size=32, epochs=1, validation_data=(x, y))
    rowx, rowy = x[np.array([0])], y[np.array([0])]
    preds = model.predict_classes(rowx, verbose=0)
    guess = ctable.decode(preds[0], calc_argmax=False)
    assert len(guess) == DIGITS + 1
