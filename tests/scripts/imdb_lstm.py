'''Keras 1.2 and 2.0: an LSTM on padded sequences, a tokenizer, reuters_mlp's matrix.'''
from __future__ import print_function
import numpy as np
from keras.preprocessing import sequence
from keras.preprocessing.text import Tokenizer
from keras.models import Sequential, model_from_json
from keras.layers import Dense, Embedding, Dropout, SpatialDropout1D
from keras.layers import LSTM
from keras.utils.np_utils import to_categorical
import keras.backend as K
max_features, maxlen, batch_size = 50, 12, 16
x_train = [list(np.random.randint(1, max_features, np.random.randint(3, 20))) for _ in range(48)]
y_train = np.random.randint(0, 2, 48)
x_train = sequence.pad_sequences(x_train, maxlen=maxlen)
print('x_train shape:', x_train.shape)
model = Sequential()
model.add(Embedding(max_features, 8, input_length=maxlen, dropout=0.))
model.add(SpatialDropout1D(0.2))
model.add(LSTM(8, dropout_W=0.2, dropout_U=0.2, inner_activation='hard_sigmoid'))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['acc', 'mse'])
history = model.fit(x_train, y_train, batch_size=batch_size, epochs=1, validation_split=0.25)
assert set(history.history) == {'loss', 'acc', 'mse', 'val_loss', 'val_acc', 'val_mse'}, history.history
score, acc, _ = model.evaluate(x_train, y_train, batch_size=batch_size)
print('Test accuracy: %.3f' % acc)
again = model_from_json(model.to_json())
again.set_weights(model.get_weights())
np.testing.assert_allclose(again.predict(x_train), model.predict(x_train), rtol=1e-5)
tokenizer = Tokenizer(num_words=20)
tokenizer.fit_on_texts(['a b c d', 'b c e'])
matrix = tokenizer.texts_to_matrix(['a b b', 'e'], mode='tfidf')
assert matrix.shape == (2, 20) and to_categorical([0, 2]).shape == (2, 3)
K.clear_session()
