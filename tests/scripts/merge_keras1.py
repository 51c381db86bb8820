import numpy as np
from keras.models import Sequential, Model
from keras.layers import Dense, Input, merge, Merge, LSTM, Embedding, Activation
from keras.callbacks import EarlyStopping, ModelCheckpoint
import tempfile, os
os.chdir(tempfile.mkdtemp())
main_input = Input(shape=(10,), dtype='int32', name='main_input')
x = Embedding(output_dim=8, input_dim=50, input_length=10)(main_input)
lstm_out = LSTM(6)(x)
auxiliary_loss = Dense(1, activation='sigmoid', name='aux_output')(lstm_out)
auxiliary_input = Input(shape=(5,), name='aux_input')
x = merge([lstm_out, auxiliary_input], mode='concat')
x = Dense(8, activation='relu')(x)
main_loss = Dense(1, activation='sigmoid', name='main_output')(x)
model = Model(input=[main_input, auxiliary_input], output=[main_loss, auxiliary_loss])
model.compile(optimizer='rmsprop', loss={'main_output': 'binary_crossentropy', 'aux_output': 'binary_crossentropy'},
              loss_weights={'main_output': 1., 'aux_output': 0.2})
h, a, y = np.random.randint(0, 50, (40, 10)), np.random.rand(40, 5), np.random.randint(0, 2, (40, 1))
model.fit({'main_input': h, 'aux_input': a}, {'main_output': y, 'aux_output': y}, nb_epoch=1, batch_size=20, verbose=2)
left, right = Input((5,)), Input((3,))
merged = merge([Dense(4)(left), Dense(4)(right)], mode='concat')
both = Model([left, right], Dense(1, activation='sigmoid')(merged))
both.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
b = np.random.rand(40, 3)
filepath = "weights-{epoch:02d}-{val_acc:.2f}.hdf5"
cb = [ModelCheckpoint(filepath, monitor='val_acc', verbose=1, save_best_only=True, mode='max'), EarlyStopping(monitor='val_acc', patience=3)]
hist = both.fit([a, b], y, nb_epoch=2, validation_data=([a, b], y), callbacks=cb, verbose=0)
assert [f for f in os.listdir('.') if f.endswith('.hdf5')]
shared = Dense(3)
u, v = Input((5,)), Input((5,))
m = Model([u, v], merge([shared(u), shared(v)], mode='dot', dot_axes=1))
assert m.predict([a, a]).shape == (40, 1)
