# Pairs of models as expressions over the words of `real_loading`, old and new. Each is built by Keras 2 and Keras 3.
"""`PAIRS`: what happened -> the two models."""

from __future__ import annotations

_REST = "B('n'), D(4, 'b')"
PAIRS = {
    # names and numbers
    "nothing changed": ("chain(8, D(4, 'a'), B('n'), D(2, 'b'))", "chain(8, D(4, 'a'), B('n'), D(2, 'b'))"),
    "a layer renamed": ("chain(8, D(4, 'a'), D(4, 'b'))", "chain(8, D(4, 'a'), D(4, 'c'))"),
    "names swapped": ("chain(8, D(8, 'a'), D(8, 'b'))", "chain(8, D(8, 'b'), D(8, 'a'))"),
    "names swapped, shapes differ": ("chain(8, D(4, 'a'), D(2, 'b'))", "chain(8, D(4, 'b'), D(2, 'a'))"),
    "names passed on": ("chain(8, D(8, 'a'), D(8, 'b'), D(8, 'c'))", "chain(8, D(8, 'b'), D(8, 'c'), D(8, 'd'))"),
    "automatic names": ("chain(8, D(8), D(8), D(2))", "chain(8, D(8), D(8), D(2))"),
    "counted further": ("chain(8, D(8), D(8), D(2))", "(D(3), D(3), chain(8, D(8), D(8), D(2)))[-1]"),
    "inserted, automatic names": ("chain(8, D(8), D(8), D(2))", "chain(8, D(8), D(8), D(8), D(2))"),
    "inserted first, automatic names": ("chain(8, D(8), D(8))", "chain(8, D(8), B(), D(8), D(8))"),
    "removed, automatic names": ("chain(8, D(8), D(8), D(8), D(2))", "chain(8, D(8), D(8), D(2))"),
    "order swapped": ("chain(8, D(8, 'a'), B('n'), D(8, 'b'))", "chain(8, D(8, 'b'), B('n'), D(8, 'a'))"),
    "order of classes swapped": ("chain(8, D(8, 'a'), B('n'))", "chain(8, B('n'), D(8, 'a'))"),
    "another class of the same name": ("chain(8, D(8, 'a'), D(8, 'b'))", "chain(8, D(8, 'a'), B('b'))"),
    "a weightless layer takes the name": ("chain(8, D(8, 'a'), D(8, 'b'))", "chain(8, Drop(.5, 'a'), D(8, 'b'))"),
    "a name of a weightless layer": ("chain(8, Drop(.5, 'a'), D(8, 'b'))", "chain(8, D(8, 'a'), D(8, 'b'))"),
    "renamed to a longer name": ("chain(8, D(8, 'a'))", "chain(8, D(8, 'a_b'))"),
    # inserts, shapes
    "inserted, chosen names": ("chain(8, D(8, 'a'), D(2, 'b'))", "chain(8, D(8, 'a'), D(8, 'x'), D(2, 'b'))"),
    "a normalisation inserted": ("chain(8, D(8, 'a'), D(2, 'b'))", "chain(8, D(8, 'a'), B('n'), D(2, 'b'))"),
    "a normalisation removed": ("chain(8, D(8, 'a'), B('n'), D(2, 'b'))", "chain(8, D(8, 'a'), D(2, 'b'))"),
    "weightless inserted": ("chain(8, D(8, 'a'), D(2, 'b'))", "chain(8, D(8, 'a'), Drop(.5), Flat(), D(2, 'b'))"),
    "appended": ("chain(8, D(8, 'a'))", "chain(8, D(8, 'a'), D(2, 'b'))"),
    "cut": ("chain(8, D(8, 'a'), D(2, 'b'), D(1, 'c'))", "chain(8, D(8, 'a'), D(2, 'b'))"),
    "another head": ("chain(8, D(8, 'a'), D(4, 'head'))", "chain(8, D(8, 'a'), D(3, 'head'))"),
    "units changed": (f"chain(8, D(8, 'a'), {_REST})", f"chain(8, D(6, 'a'), {_REST})"),
    "units changed last": ("chain(8, D(8, 'a'), D(4, 'b'))", "chain(8, D(8, 'a'), D(6, 'b'))"),
    "inputs changed": ("chain(8, D(8, 'a'), D(4, 'b'))", "chain(6, D(8, 'a'), D(4, 'b'))"),
    "no bias any more": ("chain(8, D(8, 'a'), D(4, 'b'))", "chain(8, D(8, 'a', use_bias=False), D(4, 'b'))"),
    "a bias now": ("chain(8, D(8, 'a', use_bias=False), D(4, 'b'))", "chain(8, D(8, 'a'), D(4, 'b'))"),
    "a bias moved": (
        "chain(8, D(8, 'a', use_bias=False), D(4, 'b'))",
        "chain(8, D(8, 'a'), D(4, 'b', use_bias=False))",
    ),
    "no scale": ("chain(8, D(4, 'a'), B('n'))", "chain(8, D(4, 'a'), B('n', scale=False))"),
    "embedding resized": (
        "chain((5,), E(9, 4, 'e'), Flat(), D(2, 'd'))",
        "chain((5,), E(12, 4, 'e'), Flat(), D(2, 'd'))",
    ),
    "embedding of another width": (
        "chain((5,), E(9, 4, 'e'), Flat(), D(2, 'd'))",
        "chain((5,), E(9, 3, 'e'), Flat(), D(2, 'd'))",
    ),
    "embedding without a name": ("chain((5,), E(9, 4, 'e'), Flat(), D(2))", "chain((5,), E(9, 4), Flat(), D(2))"),
    # convolutions
    "convolutions": ("chain((6, 6, 3), C(4, 3, 'c'), C(5, 3, 'd'))", "chain((6, 6, 3), C(4, 3, 'c'), C(6, 3, 'd'))"),
    "kernel size": ("chain((6, 6, 3), C(4, 3, 'c'), C(5, 3, 'd'))", "chain((6, 6, 3), C(4, 1, 'c'), C(5, 3, 'd'))"),
    "kernels that fit when turned": ("chain((6, 6, 2), C(3, 2, 'c'))", "chain((6, 6, 2), C(2, (3, 2), 'c'))"),
    "convolution in one dimension": (
        "chain((6, 3), C1(4, 3, 'c'), C1(5, 3, 'd'))",
        "chain((6, 3), C1(4, 2, 'c'), C1(5, 3, 'd'))",
    ),
    "a convolution takes a weightless name": (
        "chain((6, 6, 3), C(4, 3, 'c'), Drop(.5, 'd'))",
        "chain((6, 6, 3), C(4, 3, 'c'), C(4, 3, 'd'))",
    ),
    "a convolution for a dense layer": (
        "chain((6, 6, 3), D(4, 'c'), D(2, 'd'))",
        "chain((6, 6, 3), C(4, 1, 'c'), D(2, 'd'))",
    ),
    "depthwise and separable": (
        "chain((6, 6, 3), L.DepthwiseConv2D(3, name='c'), L.SeparableConv2D(4, 3, name='d'))",
        "chain((6, 6, 3), L.DepthwiseConv2D(3, depth_multiplier=2, name='c'), L.SeparableConv2D(4, 3, name='d'))",
    ),
    # recurrent, attention, wrappers
    "recurrent": (
        "chain((5, 3), R(4, 'r', return_sequences=True), G(3, 'g'))",
        "chain((5, 3), R(4, 'r', return_sequences=True), G(3, 'g'))",
    ),
    "recurrent units": (
        "chain((5, 3), R(4, 'r', return_sequences=True), G(3, 'g'))",
        "chain((5, 3), R(5, 'r', return_sequences=True), G(3, 'g'))",
    ),
    "recurrent class": ("chain((5, 3), R(4, 'r'), D(2, 'd'))", "chain((5, 3), G(4, 'r'), D(2, 'd'))"),
    "plain recurrent to LSTM": (
        "chain((5, 3), L.SimpleRNN(4, name='r'), D(2, 'd'))",
        "chain((5, 3), R(4, 'r'), D(2, 'd'))",
    ),
    "reset_after": ("chain((5, 3), G(4, 'r'), D(2, 'd'))", "chain((5, 3), G(4, 'r', reset_after=False), D(2, 'd'))"),
    "bidirectional": (
        "chain((5, 3), L.Bidirectional(R(4), name='b'), D(2))",
        "chain((5, 3), L.Bidirectional(R(4), name='b'), D(2))",
    ),
    "bidirectional now": (
        "chain((5, 3), R(4, 'r'), D(2, 'd'))",
        "chain((5, 3), L.Bidirectional(R(4), name='r'), D(2, 'd'))",
    ),
    "bidirectional, another cell": (
        "chain((5, 3), L.Bidirectional(R(4), name='b'), D(2, 'd'))",
        "chain((5, 3), L.Bidirectional(G(4), name='b'), D(2, 'd'))",
    ),
    "cells": (
        "chain((5, 3), L.RNN([L.LSTMCell(3), L.GRUCell(4)], name='r'))",
        "chain((5, 3), L.RNN([L.LSTMCell(3), L.GRUCell(5)], name='r'))",
    ),
    "convolutional LSTM": (
        "chain((3, 6, 6, 2), L.ConvLSTM2D(3, 3, name='r'))",
        "chain((3, 6, 6, 2), L.ConvLSTM2D(3, 2, name='r'))",
    ),
    "time distributed": (
        "chain((5, 3), L.TimeDistributed(D(4, 'i'), name='t'), D(2, 'd'))",
        "chain((5, 3), L.TimeDistributed(D(4, 'j'), name='t'), D(2, 'd'))",
    ),
    "time distributed, units": (
        "chain((5, 3), L.TimeDistributed(D(4), name='t'), D(2, 'd'))",
        "chain((5, 3), L.TimeDistributed(D(6), name='t'), D(2, 'd'))",
    ),
    "time distributed model": (
        "chain((5, 3), L.TimeDistributed(seq(3, D(4, 'i'), D(3, 'j')), name='t'), D(2, 'd'))",
        "chain((5, 3), L.TimeDistributed(seq(3, D(4, 'i'), D(3, 'k')), name='t'), D(2, 'd'))",
    ),
    "attention": (
        "(lambda x: keras.Model(x, D(2, 'd')(L.MultiHeadAttention(2, 3, name='m')(x, x))))(keras.Input((5, 4)))",
        "(lambda x: keras.Model(x, D(2, 'd')(L.MultiHeadAttention(2, 3, name='m')(x, x))))(keras.Input((5, 4)))",
    ),
    "attention heads": (
        "(lambda x: keras.Model(x, D(2, 'd')(L.MultiHeadAttention(2, 3, name='m')(x, x))))(keras.Input((5, 4)))",
        "(lambda x: keras.Model(x, D(2, 'd')(L.MultiHeadAttention(3, 3, name='m')(x, x))))(keras.Input((5, 4)))",
    ),
    # models in models
    "a model in it": (
        "chain(8, seq(8, D(4, 'i'), B('n'), name='s'), D(2, 'd'))",
        "chain(8, seq(8, D(4, 'i'), B('n'), name='s'), D(2, 'd'))",
    ),
    "a layer renamed inside": (
        "chain(8, seq(8, D(4, 'i'), D(4, 'j'), name='s'), D(2, 'd'))",
        "chain(8, seq(8, D(4, 'i'), D(4, 'k'), name='s'), D(2, 'd'))",
    ),
    "the model renamed": (
        "chain(8, seq(8, D(4, 'i'), name='s'), D(2, 'd'))",
        "chain(8, seq(8, D(4, 'i'), name='t'), D(2, 'd'))",
    ),
    "inserted inside": (
        "chain(8, chain(8, D(8, 'i'), D(8, 'j'), name='s'), D(2, 'd'))",
        "chain(8, chain(8, D(8, 'i'), D(8, 'x'), D(8, 'j'), name='s'), D(2, 'd'))",
    ),
    "removed inside": (
        "chain(8, chain(8, D(8, 'i'), D(8, 'x'), D(8, 'j'), name='s'), D(2, 'd'))",
        "chain(8, chain(8, D(8, 'i'), D(8, 'j'), name='s'), D(2, 'd'))",
    ),
    "normalisation removed inside": (
        "chain(8, chain(8, D(8, 'i'), B('n'), D(8, 'j'), name='s'), D(2, 'd'))",
        "chain(8, chain(8, D(8, 'i'), D(8, 'j'), name='s'), D(2, 'd'))",
    ),
    "units inside": (
        "chain(8, chain(8, D(4, 'i'), B('n'), D(4, 'j'), name='s'), D(2, 'd'))",
        "chain(8, chain(8, D(4, 'i'), B('n'), D(5, 'j'), name='s'), D(2, 'd'))",
    ),
    "convolutions inside": (
        "chain((6, 6, 3), seq((6, 6, 3), C(4, 3, 'c'), B('n'), C(4, 3, 'd'), name='s'))",
        "chain((6, 6, 3), seq((6, 6, 3), C(4, 3, 'c'), B('n'), C(5, 3, 'd'), name='s'))",
    ),
    "frozen as a whole": (
        "chain(8, chain(8, D(8, 'i'), B('n'), D(8, 'j'), name='s'), D(2, 'd'))",
        "chain(8, frozen(chain(8, D(8, 'i'), B('n'), D(8, 'j'), name='s')), D(2, 'd'))",
    ),
    "thawed": (
        "chain(8, frozen(chain(8, B('m'), D(8, 'i'), B('n'), name='s')), D(2, 'd'))",
        "chain(8, chain(8, B('m'), D(8, 'i'), B('n'), name='s'), D(2, 'd'))",
    ),
    "one frozen inside": (
        "chain(8, chain(8, D(8, 'i'), D(8, 'j'), name='s'), D(2, 'd'))",
        "chain(8, chain(8, frozen(D(8, 'i')), D(8, 'j'), name='s'), D(2, 'd'))",
    ),
    "a frozen normalisation": (
        "chain(8, D(8, 'i'), B('n'), D(2, 'd'))",
        "chain(8, D(8, 'i'), frozen(B('n')), D(2, 'd'))",
    ),
    "named alike in two models": (
        "chain(8, seq(8, D(8, 'i'), name='s'), seq(8, D(8, 'i'), name='t'))",
        "chain(8, seq(8, D(8, 'i'), name='t'), seq(8, D(8, 'i'), name='s'))",
    ),
    "flattened": (
        "chain(8, seq(8, D(8, 'i'), D(8, 'j'), name='s'), D(2, 'd'))",
        "chain(8, D(8, 'i'), D(8, 'j'), D(2, 'd'))",
    ),
    "wrapped up": (
        "chain(8, D(8, 'i'), D(8, 'j'), D(2, 'd'))",
        "chain(8, chain(8, D(8, 'i'), D(8, 'j'), name='s'), D(2, 'd'))",
    ),
    "two levels": (
        "chain(8, chain(8, seq(8, D(8, 'i'), B('n'), name='t'), D(8, 'j'), name='s'))",
        "chain(8, chain(8, seq(8, D(8, 'i'), B('n'), D(8, 'k'), name='t'), D(8, 'j'), name='s'))",
    ),
    # how models are made
    "Sequential": ("seq(8, D(8, 'a'), D(4, 'b'))", "seq(8, D(8, 'a'), Drop(.1), D(4, 'c'))"),
    "Sequential to Functional": ("seq(8, D(8, 'a'), B('n'), D(4, 'b'))", "chain(8, D(8, 'a'), B('n'), D(4, 'b'))"),
    "two inputs": ("join(D(4, 'a'), D(4, 'b'), D(2, 'c'))", "join(D(4, 'b'), D(4, 'a'), D(2, 'c'))"),
    "shared": ("(lambda a: join(a, a, D(2, 'c')))(D(4, 'a'))", "join(D(4, 'a'), D(4, 'b'), D(2, 'c'))"),
    "shared now": ("join(D(4, 'a'), D(4, 'b'), D(2, 'c'))", "(lambda a: join(a, a, D(2, 'c')))(D(4, 'a'))"),
    "a custom layer": ("chain(8, Scale(4, 'x'), D(2, 'd'))", "chain(8, Scale(4, 'x'), D(3, 'd'))"),
    "a custom layer with one inside": (
        "chain(8, Scale(4, 'x', inner=True), D(2, 'd'))",
        "chain(8, Scale(4, 'x', inner=True), D(2, 'd'))",
    ),
    "a custom layer without the one inside": (
        "chain(8, Scale(4, 'x', inner=True), D(2, 'd'))",
        "chain(8, Scale(4, 'x'), D(2, 'd'))",
    ),
    "a custom class renamed": ("chain(8, Scale(4, 'x'), D(2, 'd'))", "chain(8, Scales(4, 'x'), D(2, 'd'))"),
    "trained before": ("trained(chain(8, D(8, 'a'), D(2, 'b')))", "chain(8, D(8, 'a'), D(2, 'c'))"),
    "compiled now": ("chain(8, D(8, 'a'), Drop(.5), D(2, 'b'))", "compiled(chain(8, D(8, 'a'), Drop(.5), D(2, 'b')))"),
    "trained on both sides": ("trained(chain(8, D(8, 'a'), D(2, 'b')))", "trained(chain(8, D(8, 'a'), D(2, 'c')))"),
    "layer normalisation": ("chain(8, D(4, 'a'), L.LayerNormalization(name='n'))", "chain(8, D(4, 'a'), B('n'))"),
    "nothing in common": ("chain(8, D(4, 'a'), D(4, 'b'))", "chain((5,), E(9, 4, 'e'), R(3, 'r'))"),
    "a slash in the name": ("chain(8, D(8, 'a/b'), D(8, 'c'))", "chain(8, D(8, 'a/b'), D(8, 'd'))"),
}
