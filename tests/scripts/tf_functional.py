import tensorflow as tf
from tensorflow.keras.models import Model
from tensorflow.keras.layers import Input, Dense, GlobalAveragePooling2D, Conv2D, Lambda, BatchNormalization, Concatenate
from tensorflow.keras.preprocessing.image import ImageDataGenerator
from tensorflow.keras.callbacks import EarlyStopping, ReduceLROnPlateau
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.utils import to_categorical
import numpy as np
base_in = Input((16, 16, 3))
x = Conv2D(4, 3, activation='relu', name='block1')(base_in)
x = Conv2D(4, 3, activation=tf.nn.relu, name='block2')(x)
base = Model(base_in, x, name='base')
for layer in base.layers[:2]:
    layer.trainable = False
inputs = tf.keras.Input(shape=(16, 16, 3))
x = tf.cast(inputs, tf.float32) / 127.5 - 1.0
x = base(x, training=False)
features = GlobalAveragePooling2D()(x)
top = tf.reduce_max(x, axis=[1, 2])
mean, var = Lambda(lambda t: tf.nn.moments(t, axes=[1, 2]))(x)
x = tf.concat([features, top, mean, tf.math.sqrt(var + 1e-6)], axis=-1)
x = tf.keras.layers.Lambda(lambda t: tf.nn.l2_normalize(t, axis=1))(x)
x = tf.expand_dims(x, 1)
x = tf.squeeze(x, axis=1)
outputs = Dense(2, activation='softmax')(x)
model = Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=Adam(lr=1e-3, decay=1e-4), loss='categorical_crossentropy', metrics=['acc'])
model.summary()
X, y = np.random.rand(32, 16, 16, 3) * 255, to_categorical(np.random.randint(0, 2, 32), 2)
datagen = ImageDataGenerator(horizontal_flip=True)
train = datagen.flow(X, y, batch_size=8)
callbacks = [EarlyStopping(monitor='val_loss', patience=2), ReduceLROnPlateau(monitor='val_loss', patience=1)]
history = model.fit_generator(train, steps_per_epoch=len(X) // 8, epochs=2, validation_data=(X, y), callbacks=callbacks, workers=2)
acc, val_acc = history.history['acc'], history.history['val_acc']
assert len(acc) == len(val_acc) == 2
