import keras, numpy as np
from keras.utils import Sequence
import keras.backend as K
config_done = False
try:
    import tensorflow as tf
    config = tf.ConfigProto()
    config.gpu_options.allow_growth = True
    sess = tf.Session(config=config)
    from keras.backend.tensorflow_backend import set_session
    set_session(sess)
    K.set_session(sess)
except ImportError:
    raise SystemExit(3)
class DataGenerator(keras.utils.Sequence):
    'Generates data for Keras'
    def __init__(self, list_IDs, labels, batch_size=8, dim=(4, 4), n_classes=3, shuffle=True):
        self.dim, self.batch_size, self.labels, self.list_IDs = dim, batch_size, labels, list_IDs
        self.n_classes, self.shuffle = n_classes, shuffle
        self.on_epoch_end()
    def __len__(self):
        return int(np.floor(len(self.list_IDs) / self.batch_size))
    def __getitem__(self, index):
        indexes = self.indexes[index*self.batch_size:(index+1)*self.batch_size]
        X = np.random.rand(len(indexes), *self.dim)
        return X, keras.utils.to_categorical([self.labels[k] for k in indexes], num_classes=self.n_classes)
    def on_epoch_end(self):
        self.indexes = np.arange(len(self.list_IDs))
        if self.shuffle == True:
            np.random.shuffle(self.indexes)
if __name__ == '__main__':
    labels = np.random.randint(0, 3, 40)
    generator = DataGenerator(range(40), labels)
    model = keras.models.Sequential()
    model.add(keras.layers.Flatten(input_shape=(4, 4)))
    model.add(keras.layers.Dense(3, activation='softmax'))
    model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
    model.fit_generator(generator=generator, validation_data=generator, use_multiprocessing=True, workers=2, epochs=1, verbose=0)
    def gen():
        while True:
            yield np.random.rand(8, 4, 4), np.eye(3)[np.random.randint(0, 3, 8)]
    h = model.fit_generator(gen(), samples_per_epoch=32, nb_epoch=2, verbose=0, max_q_size=4)
    print(h.history['acc'])
    model.evaluate_generator(gen(), val_samples=16)
