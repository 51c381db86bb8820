from keras.layers import Dense, Dropout
from keras.models import Sequential


def build_model(features, classes):
    model = Sequential()
    model.add(Dense(16, activation='relu', input_shape=(features,)))
    model.add(Dropout(0.2))
    model.add(Dense(classes, activation='softmax'))
    return model
