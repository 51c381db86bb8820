import tensorflow as tf
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
print("TensorFlow", tf.__version__)
assert int(tf.__version__.split('.')[0]) == 2
gpus = tf.config.list_physical_devices('GPU')
for gpu in gpus:
    tf.config.experimental.set_memory_growth(gpu, True)
tf.get_logger().setLevel('ERROR')
tf.random.set_seed(42)

class Sampling(layers.Layer):
    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = tf.shape(z_mean)[0]
        dim = tf.shape(z_mean)[1]
        epsilon = tf.random.normal(shape=(batch, dim))
        return z_mean + tf.exp(0.5 * z_log_var) * epsilon

class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
    def call(self, inputs, training=False):
        attn_output = self.dropout1(self.att(inputs, inputs), training=training)
        out1 = self.layernorm1(inputs + attn_output)
        return self.layernorm2(out1 + self.ffn(out1))

class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = layers.Embedding(input_dim=maxlen, output_dim=embed_dim)
    def call(self, x):
        maxlen = tf.shape(x)[-1]
        positions = tf.range(start=0, limit=maxlen, delta=1)
        return self.token_emb(x) + self.pos_emb(positions)

class MyModel(tf.keras.Model):
    def __init__(self):
        super(MyModel, self).__init__()
        self.embed = TokenAndPositionEmbedding(6, 20, 8)
        self.block = TransformerBlock(8, 2, 16)
        self.pool = layers.GlobalAveragePooling1D()
        self.mean, self.log_var, self.sample = layers.Dense(4), layers.Dense(4), Sampling()
        self.out = layers.Dense(3)
        self.scale = tf.Variable(1.0, trainable=True, name='scale')
    @tf.function
    def call(self, inputs, training=None):
        x = self.pool(self.block(self.embed(inputs), training=training))
        mean, log_var = self.mean(x), self.log_var(x)
        z = self.sample([mean, log_var])
        kl = -0.5 * tf.reduce_mean(1 + log_var - tf.square(mean) - tf.exp(log_var))
        self.add_loss(0.01 * kl)
        z = tf.concat([z, tf.nn.l2_normalize(mean, axis=-1)], axis=-1)
        z = tf.reshape(z, (tf.shape(z)[0], -1))
        return self.out(z) * self.scale

class MaskedLoss(tf.keras.losses.Loss):
    def call(self, y_true, y_pred):
        y_true = tf.cast(y_true, tf.int32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y_true, [-1]), logits=y_pred)
        mask = tf.cast(tf.math.not_equal(tf.reshape(y_true, [-1]), -1), tf.float32)
        return tf.math.divide_no_nan(tf.reduce_sum(losses * mask), tf.reduce_sum(mask))

class Hits(tf.keras.metrics.Metric):
    def __init__(self, name='hits', **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight(name='h', initializer='zeros')
    def update_state(self, y_true, y_pred, sample_weight=None):
        values = tf.cast(tf.equal(tf.cast(tf.squeeze(y_true), tf.int64), tf.argmax(y_pred, axis=-1)), tf.float32)
        self.hits.assign_add(tf.reduce_sum(values))
    def result(self):
        return self.hits
    def reset_state(self):
        self.hits.assign(0.)

x = np.random.randint(0, 20, (48, 6)); y = np.random.randint(0, 3, (48, 1))
model = MyModel()
model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-3), loss=MaskedLoss(), metrics=[Hits()])
with tf.device('/cpu:0'):
    h = model.fit(x, y, batch_size=16, epochs=2, verbose=2)
assert np.isfinite(h.history['loss']).all()
logits = model(x[:4])
probabilities = tf.nn.softmax(logits).numpy()
np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
assert isinstance(logits, tf.Tensor) and isinstance(model.scale, tf.Variable)
