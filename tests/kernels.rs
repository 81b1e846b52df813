//! The CPU kernels against the definition in 64-bit floats and against plain Burn operations, over
//! shapes that fit no vector, with every kind of instructions that this machine has, for several
//! numbers of threads.

use std::sync::{Arc, Mutex};

use burn::tensor::activation::{relu, tanh};
use burn::tensor::module::{batch_norm_train, conv2d, linear, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use kiln::config::Precision;
use kiln::data::{Purpose, Rng};
use kiln::device::{SimdLimit, limit_simd};
use kiln::kernels::conv::{ConvShape, forward, input_grad, weight_grad};
use kiln::kernels::dense::{self, DenseShape};
use kiln::kernels::{
    BlockOptions, DenseOptions, Epilogue, Labels, Moments, NormMoments, NormOptions, NormThen,
    batch_norm_block, conv_block, cross_entropy, dense_block, global_mean_block, max_pool_block,
};

/// The limit is of the process, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn for_each_limit(run: impl Fn(SimdLimit)) {
    let _turn = turn();
    for limit in [SimdLimit::Portable, SimdLimit::Avx2, SimdLimit::Native] {
        limit_simd(limit);
        run(limit);
    }
}

fn random(len: usize, key: u64) -> Vec<f32> {
    let mut rng = Rng::new(1, Purpose::Synth, &[key]);
    (0..len).map(|_| rng.range(-0.5, 0.5) as f32).collect()
}

/// Calls with (output, input pixel of the cell's place, image) for every output.
fn for_each_output(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize, usize)) {
    let [rows, columns] = shape.out_size();
    for image in 0..shape.batch {
        for row in 0..rows {
            for column in 0..columns {
                for filter in 0..shape.filters {
                    let at = ((image * rows + row) * columns + column) * shape.filters + filter;
                    let pixel = (image * shape.height + row * shape.cell()) * shape.width
                        + column * shape.cell();
                    visit(at, pixel, filter, image);
                }
            }
        }
    }
}

/// Calls with (index of the weight, index of the input) for the window at `pixel`.
fn for_each_tap_at(
    shape: &ConvShape,
    filter: usize,
    pixel: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let [rows, columns] = shape.kernel;
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..shape.channels {
                let weight = ((filter * shape.channels + channel) * rows + row) * columns + column;
                let input = (pixel + row * shape.width + column) * shape.channels + channel;
                visit(weight, input);
            }
        }
    }
}

fn inside(shape: &ConvShape, place: usize) -> usize {
    place / shape.cell() * shape.width + place % shape.cell()
}

struct Expected {
    out: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    input: Vec<f64>,
}

fn expected(shape: &ConvShape, x: &[f32], w: &[f32], b: &[f32], grad: &[f32]) -> Expected {
    let mut e = Expected {
        out: vec![0.0; shape.out_len()],
        weight: vec![0.0; w.len()],
        bias: vec![0.0; b.len()],
        input: vec![0.0; x.len()],
    };
    for_each_output(shape, |at, pixel, filter, _| {
        let value = |place: usize| {
            let mut sum = f64::from(b[filter]);
            for_each_tap_at(shape, filter, pixel + inside(shape, place), |wi, xi| {
                sum += f64::from(w[wi]) * f64::from(x[xi]);
            });
            sum
        };
        let places = shape.cell() * shape.cell();
        let (place, best) = (0..places).map(|place| (place, value(place))).fold(
            (0, f64::NEG_INFINITY),
            |best, next| {
                if next.1 > best.1 { next } else { best }
            },
        );
        if shape.relu && best <= 0.0 {
            return;
        }
        e.out[at] = best;
        let grad = f64::from(grad[at]);
        e.bias[filter] += grad;
        for_each_tap_at(shape, filter, pixel + inside(shape, place), |wi, xi| {
            e.weight[wi] += grad * f64::from(x[xi]);
            e.input[xi] += grad * f64::from(w[wi]);
        });
    });
    e
}

fn close(what: &str, shape: &ConvShape, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what} {shape:?}");
    let size = expected
        .iter()
        .fold(1e-6f64, |most, value| most.max(value.abs()));
    for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / size;
        assert!(error < 1e-5, "{what}[{index}] {found} {expected} {shape:?}");
    }
}

/// Everything that the kernels compute of one shape.
struct Found {
    out: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    input: Vec<f32>,
}

struct Case {
    x: Vec<f32>,
    w: Vec<f32>,
    b: Vec<f32>,
    grad: Vec<f32>,
}

impl Case {
    fn new(shape: &ConvShape) -> Case {
        Case {
            x: random(shape.input_len(), 1),
            w: random(shape.filters * shape.taps(), 2),
            b: random(shape.filters, 3),
            grad: random(shape.out_len(), 4),
        }
    }

    fn run(&self, shape: &ConvShape, precision: Precision) -> Found {
        let Case { x, w, b, grad } = self;
        let mut out = vec![f32::NAN; shape.out_len()];
        let mut places = vec![77; shape.out_len()];
        forward(shape, x, w, b, &mut out, Some(&mut places), precision);
        let mut again = vec![f32::NAN; shape.out_len()];
        forward(shape, x, w, b, &mut again, None, precision);
        assert_eq!(out, again, "the same without places");
        let sums = weight_grad(shape, x, grad, &places);
        let mut input = vec![f32::NAN; shape.input_len()];
        input_grad(shape, w, grad, &places, &mut input);
        Found {
            out,
            weight: sums.weight,
            bias: sums.bias,
            input,
        }
    }
}

fn agrees(shape: ConvShape) {
    let case = Case::new(&shape);
    let Case { x, w, b, grad } = &case;
    let found = case.run(&shape, Precision::F32);
    let e = expected(&shape, x, w, b, grad);
    close("output", &shape, &found.out, &e.out);
    close("weight gradient", &shape, &found.weight, &e.weight);
    close("bias gradient", &shape, &found.bias, &e.bias);
    close("input gradient", &shape, &found.input, &e.input);
    // Two factors with 8 bits of mantissa each; the transform of Winograd's adds some more.
    let size = (shape.taps() as f64).sqrt() / 12.0;
    let rounded = case.run(&shape, Precision::Bf16);
    for (found, expected) in rounded.out.iter().zip(&e.out) {
        let error = (f64::from(*found) - expected).abs() / size.max(0.2);
        assert!(error < 0.03, "bf16: {found} {expected} {shape:?}");
    }
}

#[test]
fn convolutions_agree_with_the_definition_over_odd_shapes() {
    for_each_limit(|_| {
        for (batch, height, width) in [(1, 3, 3), (2, 4, 9), (3, 9, 8), (1, 12, 31)] {
            for (channels, filters) in [(1, 1), (3, 32), (16, 5), (33, 17), (20, 70)] {
                for kernel in [[3, 3], [1, 1], [2, 3], [5, 5]] {
                    for (pool, relu) in [(true, true), (false, true), (true, false), (false, false)]
                    {
                        if height < kernel[0] || width < kernel[1] {
                            continue;
                        }
                        agrees(ConvShape {
                            batch,
                            height,
                            width,
                            channels,
                            filters,
                            kernel,
                            pool,
                            relu,
                        });
                    }
                }
            }
        }
    });
}

#[test]
fn convolutions_agree_with_the_definition_over_random_shapes() {
    for_each_limit(|limit| {
        let mut rng = Rng::new(7, Purpose::Synth, &[limit as u64]);
        for _ in 0..40 {
            let kernel = [1 + rng.below(4), 1 + rng.below(4)];
            agrees(
                ConvShape {
                    batch: 1 + rng.below(12),
                    height: kernel[0] + rng.below(14),
                    width: kernel[1] + rng.below(14),
                    channels: 1 + rng.below(40),
                    filters: 1 + rng.below(80),
                    kernel: if rng.below(2) == 0 { [3, 3] } else { kernel },
                    pool: rng.below(2) == 0,
                    relu: rng.below(2) == 0,
                }
                .at_least_a_window(),
            );
        }
    });
}

trait AtLeastAWindow {
    fn at_least_a_window(self) -> Self;
}

impl AtLeastAWindow for ConvShape {
    fn at_least_a_window(self) -> ConvShape {
        ConvShape {
            height: self.height.max(self.kernel[0]),
            width: self.width.max(self.kernel[1]),
            ..self
        }
    }
}

#[test]
fn an_image_smaller_than_a_cell_gives_nothing() {
    let _turn = turn();
    agrees(ConvShape {
        batch: 2,
        height: 3,
        width: 3,
        channels: 2,
        filters: 4,
        kernel: [3, 3],
        pool: true,
        relu: true,
    });
}

#[test]
fn what_is_not_a_number_is_not_hidden_by_the_relu() {
    let _turn = turn();
    let shape = ConvShape {
        batch: 1,
        height: 4,
        width: 4,
        channels: 1,
        filters: 2,
        kernel: [3, 3],
        pool: true,
        relu: true,
    };
    let (x, mut w) = (vec![1.0; 16], vec![1.0; 18]);
    w[..9].fill(f32::NAN);
    for precision in [Precision::F32, Precision::Bf16] {
        let mut out = vec![0.0; shape.out_len()];
        forward(&shape, &x, &w, &[0.0, 0.0], &mut out, None, precision);
        assert!(out[0].is_nan());
        assert_eq!(out[1], 9.0);
    }
    // One of four pooled values is enough, at any place.
    for place in [0, 1, 4, 5] {
        let mut x = vec![1.0; 16];
        x[place] = f32::NAN;
        let shape = ConvShape {
            kernel: [1, 1],
            ..shape
        };
        let mut out = vec![0.0; shape.out_len()];
        forward(
            &shape,
            &x,
            &[1.0, -1.0],
            &[0.0; 2],
            &mut out,
            None,
            Precision::F32,
        );
        assert!(out[0].is_nan() && out[1].is_nan(), "{place}: {out:?}");
        let device = Device::flex();
        let x = Tensor::<4>::from_data(TensorData::new(x, [1, 4, 4, 1]), &device);
        assert!(values(max_pool_block(x, true))[0].is_nan(), "{place}");
    }
}

/// Bits of everything, as numbers that can be compared.
fn bits(parts: &[&[f32]]) -> Vec<u32> {
    parts
        .iter()
        .flat_map(|part| part.iter().map(|x| x.to_bits()))
        .collect()
}

#[test]
fn the_bits_are_the_same_for_any_number_of_threads_and_on_every_run() {
    let _turn = turn();
    let shapes = [
        (9, 30, 3, 32, true, true),
        (33, 14, 32, 40, true, true),
        (1, 13, 40, 24, true, true),
        (5, 9, 24, 64, false, true),
        (9, 11, 24, 72, false, false),
        (1, 11, 24, 72, false, false),
    ];
    for (batch, size, channels, filters, pool, relu) in shapes {
        let shape = ConvShape {
            batch,
            height: size,
            width: size,
            channels,
            filters,
            kernel: [3, 3],
            pool,
            relu,
        };
        let case = Case::new(&shape);
        let dense_shape = DenseShape {
            batch,
            features: 700,
            units: filters,
        };
        let (x, w) = (random(batch * 700, 5), random(700 * filters, 6));
        let mut first: Option<Vec<u32>> = None;
        for threads in [1, 2, 5, 1, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool.expect("threads").install(|| {
                let mut all = Vec::new();
                for precision in [Precision::F32, Precision::Bf16] {
                    let f = case.run(&shape, precision);
                    all.extend(bits(&[&f.out, &f.weight, &f.bias, &f.input]));
                    let mut dx = vec![0.0; batch * 700];
                    dense::input_grad(&dense_shape, &w, &x[..batch * filters], &mut dx, precision);
                    all.extend(bits(&[&dx]));
                }
                let mut y = vec![0.0; batch * filters];
                dense::forward(&dense_shape, &x, &w, None, &mut y);
                let mut dw = vec![0.0; 700 * filters];
                dense::weight_grad(&dense_shape, &x, &y, &mut dw);
                all.extend(bits(&[&y, &dw]));
                all
            });
            let first = first.get_or_insert_with(|| found.clone());
            assert!(*first == found, "{threads} threads, {shape:?}");
        }
    }
}

fn dense_agrees(shape: DenseShape) {
    let DenseShape {
        batch,
        features,
        units,
    } = shape;
    let x = random(batch * features, 1);
    let w = random(features * units, 2);
    let b = random(units, 3);
    let grad = random(batch * units, 4);
    let mut y = vec![0.0f64; batch * units];
    let mut dx = vec![0.0f64; batch * features];
    let mut dw = vec![0.0f64; features * units];
    for n in 0..batch {
        for u in 0..units {
            y[n * units + u] += f64::from(b[u]);
            for f in 0..features {
                let (value, weight) = (x[n * features + f], w[f * units + u]);
                let grad = f64::from(grad[n * units + u]);
                y[n * units + u] += f64::from(value) * f64::from(weight);
                dx[n * features + f] += grad * f64::from(weight);
                dw[f * units + u] += grad * f64::from(value);
            }
        }
    }
    let near = |what: &str, found: &[f32], expected: &[f64], bound: f64| {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            let error = (f64::from(*found) - expected).abs() / expected.abs().max(1.0);
            assert!(error < bound, "{what}: {found} {expected} {shape:?}");
        }
    };
    let mut found = vec![f32::NAN; y.len()];
    dense::forward(&shape, &x, &w, Some(&b), &mut found);
    near("output", &found, &y, 1e-5);
    let mut found = vec![f32::NAN; dx.len()];
    dense::input_grad(&shape, &w, &grad, &mut found, Precision::F32);
    near("input gradient", &found, &dx, 1e-5);
    let mut found = vec![f32::NAN; dx.len()];
    dense::input_grad(&shape, &w, &grad, &mut found, Precision::Bf16);
    near("input gradient in bf16", &found, &dx, 0.02);
    let mut found = vec![f32::NAN; dw.len()];
    dense::weight_grad(&shape, &x, &grad, &mut found);
    near("weight gradient", &found, &dw, 1e-5);
}

#[test]
fn fully_connected_layers_agree_with_the_definition_over_odd_shapes() {
    for_each_limit(|_| {
        for batch in [1, 2, 7, 32, 45, 300] {
            for features in [1, 5, 33, 700] {
                for units in [1, 10, 33, 64, 130] {
                    dense_agrees(DenseShape {
                        batch,
                        features,
                        units,
                    });
                }
            }
        }
    });
}

/// A leaf of a graph on the CPU.
fn leaf<const D: usize>(shape: [usize; D], key: u64) -> Tensor<D> {
    let data = TensorData::new(random(shape.iter().product(), key), shape);
    let device = Device::flex().autodiff();
    Tensor::<D>::from_data(data, &device).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("32-bit floats")
}

fn same(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(
            (a - b).abs() / size < 1e-4,
            "{what}[{index}]: {a}, plain Burn {b}"
        );
    }
}

/// Output and gradients of a graph whose output is weighted with fixed random numbers.
fn run<const D: usize>(output: Tensor<D>, leaves: &[Grad<'_>]) -> Vec<Vec<f32>> {
    let weights = TensorData::new(random(output.dims().iter().product(), 99), output.dims());
    let weights = Tensor::<D>::from_data(weights, &output.device());
    let mut all = vec![values(output.clone().inner())];
    let gradients = (output * weights).sum().backward();
    for leaf in leaves {
        all.push(leaf(&gradients));
    }
    all
}

type Grad<'a> = Box<dyn Fn(&burn::tensor::Gradients) -> Vec<f32> + 'a>;

fn grad_of<const D: usize>(leaf: &Tensor<D>) -> Grad<'_> {
    Box::new(|gradients| values(leaf.grad(gradients).expect("a gradient")))
}

fn compare(what: &str, fused: &[Vec<f32>], plain: &[Vec<f32>]) {
    for (index, (fused, plain)) in fused.iter().zip(plain).enumerate() {
        same(&format!("{what}, part {index}"), fused, plain);
    }
}

#[test]
fn the_convolution_block_agrees_with_plain_burn() {
    let _turn = turn();
    // Without ReLU and pooling the gradient of the output has no zeros: other kernels run.
    for (padding, channels, relu_and_pool) in [
        (0, 3, true),
        (1, 3, true),
        (1, 17, true),
        (2, 8, true),
        (0, 3, false),
        (1, 17, false),
        (2, 8, false),
        (3, 9, false),
    ] {
        let (x, w, b) = (
            leaf([3, 11, 9, channels], 1),
            leaf([20, channels, 3, 3], 2),
            leaf([20], 3),
        );
        let leaves = || [grad_of(&x), grad_of(&w), grad_of(&b)];
        let options = BlockOptions {
            padding: [(padding, padding); 2],
            relu: relu_and_pool,
            pool: relu_and_pool,
            precision: Precision::F32,
        };
        let fused = run(
            conv_block(x.clone(), w.clone(), b.clone(), options),
            &leaves(),
        );
        let conv = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
        let y = conv2d(
            x.clone().permute([0, 3, 1, 2]),
            w.clone(),
            Some(b.clone()),
            conv,
        );
        let mut pool = MaxPoolOptions::new([2, 2]);
        pool.stride = [2, 2];
        let y = if relu_and_pool {
            max_pool2d(relu(y), pool)
        } else {
            y
        };
        let plain = y.permute([0, 2, 3, 1]);
        compare("convolution", &fused, &run(plain, &leaves()));
    }
}

#[test]
fn the_dense_block_agrees_with_plain_burn() {
    let _turn = turn();
    let (x, w, b) = (leaf([6, 37], 1), leaf([37, 21], 2), leaf([21], 3));
    let leaves = || [grad_of(&x), grad_of(&w), grad_of(&b)];
    for epilogue in [
        Epilogue::Linear,
        Epilogue::Relu,
        Epilogue::Sigmoid,
        Epilogue::Tanh,
    ] {
        let options = DenseOptions {
            epilogue,
            ..DenseOptions::default()
        };
        let fused = run(
            dense_block(x.clone(), w.clone(), b.clone(), options),
            &leaves(),
        );
        let y = linear(x.clone(), w.clone(), Some(b.clone()));
        let plain = match epilogue {
            Epilogue::Linear => y,
            Epilogue::Relu => relu(y),
            Epilogue::Sigmoid => burn::tensor::activation::sigmoid(y),
            Epilogue::Tanh => tanh(y),
        };
        compare(&format!("{epilogue:?}"), &fused, &run(plain, &leaves()));
    }
}

#[test]
fn pooling_and_normalisation_agree_with_plain_burn() {
    let _turn = turn();
    let x = leaf([3, 7, 10, 19], 1);
    let (gamma, beta) = (leaf([19], 2), leaf([19], 3));
    let leaves = || [grad_of(&x)];
    let mut pool = MaxPoolOptions::new([2, 2]);
    pool.stride = [2, 2];
    let pooled =
        |x: Tensor<4>| max_pool2d(x.permute([0, 3, 1, 2]), pool.clone()).permute([0, 2, 3, 1]);
    let plain = run(pooled(relu(x.clone())), &leaves());
    compare(
        "ReLU and pooling",
        &run(max_pool_block(x.clone(), true), &leaves()),
        &plain,
    );
    let plain = run(pooled(x.clone()), &leaves());
    compare(
        "pooling",
        &run(max_pool_block(x.clone(), false), &leaves()),
        &plain,
    );
    let mean = x.clone().reshape([3, 70, 19]).mean_dim(1).reshape([3, 19]);
    let plain = run(mean, &leaves());
    compare(
        "mean",
        &run(global_mean_block(x.clone()), &leaves()),
        &plain,
    );

    let leaves = || [grad_of(&x), grad_of(&gamma), grad_of(&beta)];
    let found = Arc::new(Mutex::new(Moments::default()));
    let options = NormOptions {
        epsilon: 1e-3,
        moments: NormMoments::Found(found.clone()),
        then: NormThen::Nothing,
    };
    let fused = batch_norm_block(x.clone(), gamma.clone(), beta.clone(), options);
    let first = x.clone().permute([0, 3, 1, 2]);
    let plain = batch_norm_train(first, gamma.clone(), beta.clone(), 1e-3);
    let moments = found.lock().expect("moments").clone();
    same("mean", &moments.mean, &values(plain.mean.inner()));
    same(
        "variance",
        &moments.variance,
        &values(plain.variance.inner()),
    );
    let plain = run(plain.output.permute([0, 2, 3, 1]), &leaves());
    compare("batch norm", &run(fused, &leaves()), &plain);

    for then in [NormThen::Relu, NormThen::ReluPool] {
        let options = NormOptions {
            epsilon: 1e-3,
            moments: NormMoments::Found(Arc::default()),
            then,
        };
        let fused = batch_norm_block(x.clone(), gamma.clone(), beta.clone(), options);
        let first = x.clone().permute([0, 3, 1, 2]);
        let plain = batch_norm_train(first, gamma.clone(), beta.clone(), 1e-3);
        let plain = relu(plain.output.permute([0, 2, 3, 1]));
        let plain = match then {
            NormThen::ReluPool => pooled(plain),
            _ => plain,
        };
        compare(
            &format!("{then:?}"),
            &run(fused, &leaves()),
            &run(plain, &leaves()),
        );
    }

    // With given moments the output is linear in the input.
    let given = |x: &Tensor<4>| {
        let options = NormOptions {
            epsilon: 1e-3,
            moments: NormMoments::Given(Arc::new(moments.clone())),
            then: NormThen::Nothing,
        };
        batch_norm_block(x.clone(), gamma.clone(), beta.clone(), options)
    };
    let constant = |values: &[f32]| {
        let data = TensorData::new(values.to_vec(), [1, 1, 1, 19]);
        Tensor::<4>::from_data(data, &Device::flex().autodiff())
    };
    let scale = (constant(&moments.variance) + 1e-3).sqrt().recip();
    let normal = (x.clone() - constant(&moments.mean)) * scale;
    let wide = |leaf: &Tensor<1>| leaf.clone().reshape([1, 1, 1, 19]);
    let plain = run(normal * wide(&gamma) + wide(&beta), &leaves());
    compare("batch norm, given", &run(given(&x), &leaves()), &plain);
}

#[test]
fn cross_entropies_agree_with_plain_burn() {
    let _turn = turn();
    let logits = leaf([5, 4], 1);
    let leaves = || [grad_of(&logits)];
    let shares: Vec<f32> = [0.1, 0.2, 0.3, 0.4].repeat(5);
    let soft = TensorData::new(shares.clone(), [5, 4]);
    let soft = Tensor::<2>::from_data(soft, &logits.device());
    let log = burn::tensor::activation::log_softmax(logits.clone(), 1);
    let plain = run((log * soft).sum_dim(1).squeeze_dim::<1>(1).neg(), &leaves());
    let fused = cross_entropy(logits.clone(), Labels::Shares(Arc::new(shares)));
    compare("shares", &run(fused, &leaves()), &plain);

    let one_hot: Vec<f32> = (0..20).map(|i| f32::from(i % 4 == i / 4 % 4)).collect();
    let fused = cross_entropy(
        logits.clone(),
        Labels::Classes(Arc::new(vec![0, 1, 2, 3, 0])),
    );
    let same_as = cross_entropy(logits.clone(), Labels::Shares(Arc::new(one_hot)));
    compare("classes", &run(fused, &leaves()), &run(same_as, &leaves()));

    let logits = leaf([6, 1], 2);
    let leaves = || [grad_of(&logits)];
    let targets = vec![0.0, 1.0, 1.0, 0.3, 0.0, 1.0];
    let y = Tensor::<1>::from_floats(targets.as_slice(), &logits.device());
    let x = logits.clone().squeeze_dim::<1>(1);
    let stable = x.clone().abs().neg().exp().log1p();
    let plain = run(x.clone().clamp_min(0.0) - x * y + stable, &leaves());
    let fused = cross_entropy(logits.clone(), Labels::Binary(Arc::new(targets)));
    compare("binary", &run(fused, &leaves()), &plain);
}
