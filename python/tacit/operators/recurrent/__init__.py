"""Recurrent layers, every step written down: RNN, GRU and LSTM."""
