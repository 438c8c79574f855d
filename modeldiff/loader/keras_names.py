# What is Keras' own, by name. Files of Keras 1 and 2 tell no module, so a list must do: the public classes and
# functions of keras 1.0.8 to 3.15.1 and tf_keras 2.16 to 2.21. Files since Keras 2.13 tell the module, and then the
# module decides: only those that hold layers, losses and the like count, since Keras 3 would import anything from
# `keras.utils` too.
"""Names of Keras' own classes and functions: `is_class`, `is_operation`, `is_function`, `is_module`."""

from __future__ import annotations

import re

_LAYERS = """
AbstractRNNCell Activation ActivityRegularization Add AddLoss AddMetric AdditiveAttention AlphaDropout
AtrousConvolution1D AtrousConvolution2D Attention AugMix AutoContrast Average BaseWrapper BatchNormalization
BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryCrossing CategoryEncoding CenterCrop ClassMethod
Concatenate ContrastLimitedAdaptiveHistogramEqualization CuDNNGRU CuDNNLSTM CutMix Deconvolution2D Deconvolution3D
Dense DenseFeatures Discretization Dot Dropout DynamicEmbedding DynamicLookup ELU EinsumDense Embedding Equalization
Flatten GRU GRUCell GaussianDropout GaussianNoise GroupNormalization GroupQueryAttention GroupedQueryAttention
HashedCrossing Hashing Highway Identity IndexLookup InputLayer InstanceMethod InstanceProperty IntegerLookup LSTM
LSTMCell Lambda LambdaMerge Layer LayerNormalization LeakyReLU Masking MaxNumBoundingBoxes Maximum MaxoutDense
MelSpectrogram Merge Minimum MixUp MultiHeadAttention Multiply Normalization PReLU ParametricSoftplus Permute Pipeline
PreprocessingLayer RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomFourierFeatures RandomGaussianBlur
RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling
Reshape Resizing ReversibleEmbedding SReLU STFTSpectrogram SimpleRNN SimpleRNNCell SlicingOpLambda Softmax
Solarization SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNormalization TFOpLambda
TensorFlowOpLayer TextVectorization ThresholdedReLU TimeDistributed TimeDistributedDense UnifiedGRU UnifiedLSTM
UnitNormalization Wrapper JaxLayer FlaxLayer TFSMLayer TorchModuleWrapper
"""
_BY_RANK = """
AdaptiveAveragePooling{} AdaptiveMaxPooling{} AveragePooling{} AvgPool{} Conv{} Conv{}Transpose ConvLSTM{}
Convolution{} Convolution{}Transpose Cropping{} DepthwiseConv{} GlobalAveragePooling{} GlobalAvgPool{}
GlobalMaxPool{} GlobalMaxPooling{} LocallyConnected{} MaxPool{} MaxPooling{} SeparableConv{} SeparableConvolution{}
SpatialDropout{} UpSampling{} ZeroPadding{} ConvLSTM{}Cell ConvRecurrent{} ConvRNN{}
"""
_OTHERS = """
Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer Initializer LecunNormal
LecunUniform Normal One Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer
TruncatedNormal Uniform VarianceScaling Zero Zeros
ActivityRegularizer EigenvalueRegularizer L1 L1L2 L1L2Regularizer L2 OrthogonalRegularizer Regularizer
WeightRegularizer
Constraint MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm
BaseLossScaleOptimizer CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule
LinearCosineDecay LossScaleOptimizer LossScaleOptimizerV3 MultiOptimizer NoisyLinearCosineDecay Optimizer OptimizerV2
PiecewiseConstantDecay PolynomialDecay ScheduleFreeAdamW TFOptimizer
BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence LogCosh Loss
LossFunctionWrapper MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
SparseCategoricalCrossentropy SquaredHinge Tversky
AUC Accuracy BinaryAccuracy BinaryIoU CategoricalAccuracy ConcordanceCorrelation CosineProximity F1Score FBetaScore
FalseNegatives FalsePositives IoU LogCoshError Mean MeanIoU MeanMetricWrapper MeanRelativeError MeanTensor Metric
OneHotIoU OneHotMeanIoU PearsonCorrelation Precision PrecisionAtRecall R2Score Recall RecallAtPrecision
RootMeanSquaredError SensitivityAtSpecificity SparseCategoricalAccuracy SparseTopKCategoricalAccuracy
SpecificityAtSensitivity Sum SumOverBatchSizeMetricWrapper TopKCategoricalAccuracy TrueNegatives TruePositives
AWQConfig AWQDTypePolicy AbsMaxQuantizer DTypePolicy DTypePolicyMap Float8QuantizationConfig FloatDTypePolicy
GPTQConfig GPTQDTypePolicy Int4DTypePolicy Int4QuantizationConfig Int8QuantizationConfig Policy PolicyV1
QuantizationConfig QuantizedDTypePolicy QuantizedFloat8DTypePolicy Quantizer
Container Functional Graph LinearModel Model Network Sequential WideDeepModel SequenceFeatures
SeedGenerator TensorShape TypeSpec TensorSpec
"""
OPTIMIZERS = frozenset("Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion Muon Nadam RMSprop SGD".split())
"""Keras 2.11 to 2.15 registered these under its default package: `Custom>Adam`."""
_FUNCTIONS = """
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid
log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid
sparsemax squareplus swish tanh tanh_shrink threshold
KLD MAE MAPE MSE MSLE bce bcf binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy
categorical_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy categorical_hinge circle
concordance_correlation cosine cosine_proximity cosine_similarity ctc dice hinge huber huber_loss kl_divergence
kullback_leibler_divergence log_cosh logcosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
mean_squared_logarithmic_error pearson_correlation poisson sparse_categorical_accuracy
sparse_categorical_crossentropy sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy tversky
acc accuracy ce crossentropy matthews_correlation precision recall fbeta_score fmeasure
glorot_normal glorot_uniform he_normal he_uniform lecun_normal lecun_uniform l1_l2 activity_l1 activity_l2
activity_l1l2 l1l2
"""

_OPERATIONS = frozenset(
    """
    Abs Absolute AdaptiveAveragePool AdaptiveMaxPool Add AffineTransform All AllClose Amax Amin Angle Any Append
    Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition Argsort Array
    ArraySplit AssociativeScan Average AveragePool BatchNorm BinaryCrossentropy Bincount BitwiseAnd
    BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo CDist CTCDecode
    CTCLoss Cast CategoricalCrossentropy Cbrt Ceil Celu Cholesky CholeskyInverse Clip Concatenate Cond Conj
    Conjugate Conv ConvTranspose ConvertToTensor Copy Corrcoef Correlate Cos Cosh CountNonzero CropImages Cross
    Cumprod Cumsum Deg2rad DepthToSpace DepthwiseConv Det Diag Diagflat Diagonal Diff Digitize Divide
    DivideNoNan Dot DotProductAttention Dsplit Dstack Eig Eigh Einsum ElasticTransform Elu EmptyLike Equal Erf
    Erfc Erfinv Exp Exp2 ExpandDims Expm1 ExtractPatches ExtractSequences FFT FFT2 Fabs Flip Fliplr Flipud Floor
    FloorDivide Fmax Fmin Fmod Fold ForiLoop Full FullLike GaussianBlur Gcd Gelu Geomspace GetItem Glu Greater
    GreaterEqual HSVToRGB HardShrink HardSigmoid HardSilu HardTanh Heaviside Histogram Hsplit Hstack Hypot I0
    IFFT2 IRFFT ISTFT Imag InTopK Inner Inv IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal JVP Kron
    LayerNorm Lcm Ldexp LeakyRelu LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 LogSigmoid LogSoftmax
    Logaddexp Logaddexp2 Logdet LogicalAnd LogicalNot LogicalOr LogicalXor Logspace Logsumexp Lstsq LuFactor Map
    MapCoordinates Matmul MatrixRank Max MaxPool Maximum Mean Median Meshgrid Min Minimum Mod Moments Moveaxis
    MultiHot Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian Nanmin
    Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative Nextafter Nonzero Norm Normalize
    NotEqual OneHot OnesLike Outer PSNR Pad PadImages Percentile PerspectiveTransform Pinv Polar Power Prod Ptp
    Qr Quantile RFFT RGBToGrayscale RGBToHSV RMSNorm Rad2deg Ravel Real Rearrange Reciprocal Relu Relu6 Repeat
    Reshape Resize RightShift Roll Rot90 Round Rsqrt SSIM STFT SVD SaturateCast ScaleAndTranslate Scan Scatter
    ScatterUpdate SearchSorted SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum Select Selu
    SeparableConv Sigmoid Sign Signbit Silu Sin Sinc Sinh Size Slice SliceUpdate Slogdet SobelEdges SoftShrink
    Softmax Softplus Softsign Solve SolveTriangular Sort SpaceToDepth SparseCategoricalCrossentropy SparsePlus
    SparseSigmoid Sparsemax Split Sqrt Square Squareplus Squeeze Stack Std StopGradient Subtract Sum Swapaxes
    Switch Take TakeAlongAxis Tan Tanh TanhShrink Tensordot Threshold Tile TopK Trace Transpose Trapezoid Tril
    Triu TrueDivide Trunc Unfold Unique UnravelIndex Unstack Vander Var Vdot VectorizedMap View ViewAsComplex
    ViewAsReal Vsplit Vstack Where WhileLoop ZerosLike
    """.split()
)

_CLASSES = frozenset(
    {
        *_LAYERS.split(),
        *_OTHERS.split(),
        *OPTIMIZERS,
        *(name.format(f"{rank}D") for name in _BY_RANK.split() for rank in (1, 2, 3)),
    }
)
_NAMES = frozenset(name.replace("_", "").lower() for name in (*_CLASSES, *_FUNCTIONS.split()))

_HOLDERS = (
    "layers models engine ops initializers regularizers constraints activations losses metrics optimizers quantizers "
    "dtype_policies mixed_precision random premade premade_models feature_column legacy"
)
_MODULE = re.compile(
    rf"(tensorflow\.(python\.)?keras|tf_keras|keras_core|keras)(\.(src|api|_tf_keras\.keras))*(\.({'|'.join(_HOLDERS.split())})(\.\w+)*)?"
)


def is_class(name: str) -> bool:
    """Whether Keras has a class of this name, some version of it."""
    return name in _CLASSES


def is_operation(name: str) -> bool:
    """Whether this is an operation of Keras 3 that stands among the layers (`keras.ops.add` as `Add`)."""
    return name in _OPERATIONS


def is_function(name: str) -> bool:
    """Whether a name in a config means something of Keras' own: `relu`, `mse`, `GlorotUniform`, `glorot_uniform`."""
    return name.replace("_", "").lower() in _NAMES


def is_module(name: str) -> bool:
    """Whether this module is Keras' own and holds what models are made of."""
    return _MODULE.fullmatch(name) is not None
