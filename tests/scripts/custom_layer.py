from keras import backend as K
from keras.engine.topology import Layer
from keras import initializers, regularizers, constraints
from keras.layers import Input, Dense, LSTM, Embedding, Bidirectional
from keras.models import Model, load_model
import keras, numpy as np, os, tempfile

class Attention(Layer):
    def __init__(self, step_dim, W_regularizer=None, b_regularizer=None, bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializers.get('glorot_uniform')
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)
        self.bias = bias
        self.step_dim = step_dim
        self.features_dim = 0
        super(Attention, self).__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight(shape=(input_shape[-1],), initializer=self.init, name='{}_W'.format(self.name), regularizer=self.W_regularizer)
        self.features_dim = input_shape[-1]
        self.b = self.add_weight((input_shape[1],), initializer='zero', name='{}_b'.format(self.name))
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        features_dim, step_dim = self.features_dim, self.step_dim
        eij = K.reshape(K.dot(K.reshape(x, (-1, features_dim)), K.reshape(self.W, (features_dim, 1))), (-1, step_dim))
        eij += self.b
        eij = K.tanh(eij)
        a = K.exp(eij)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        a = K.expand_dims(a)
        return K.sum(x * a, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], self.features_dim

class LossHistory(keras.callbacks.Callback):
    def on_train_begin(self, logs={}):
        self.losses = []; self.acc = []
    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get('loss'))
    def on_epoch_end(self, epoch, logs={}):
        self.acc.append(logs.get('val_acc'))
        K.set_value(self.model.optimizer.lr, K.get_value(self.model.optimizer.lr) * 0.5)

def f1(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    possible_positives = K.sum(K.round(K.clip(y_true, 0, 1)))
    predicted_positives = K.sum(K.round(K.clip(y_pred, 0, 1)))
    precision = true_positives / (predicted_positives + K.epsilon())
    recall = true_positives / (possible_positives + K.epsilon())
    return 2 * ((precision * recall) / (precision + recall + K.epsilon()))

inp = Input(shape=(8,), dtype='int32')
x = Embedding(30, 6, mask_zero=True)(inp)
x = Bidirectional(LSTM(5, return_sequences=True))(x)
x = Attention(8)(x)
model = Model(inputs=inp, outputs=Dense(1, activation='sigmoid')(x))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy', f1])
X, y = np.random.randint(0, 30, (64, 8)), np.random.randint(0, 2, 64)
history = LossHistory()
model.fit(X, y, batch_size=16, epochs=2, validation_data=(X, y), callbacks=[history], verbose=0)
assert len(history.losses) == 8 and None not in history.acc
path = os.path.join(tempfile.mkdtemp(), 'model.h5')
model.save(path)
again = load_model(path, custom_objects={'Attention': Attention, 'f1': f1})
np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-5)
