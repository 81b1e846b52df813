//! Fused blocks and their gradients agree with plain Burn operations.

use std::sync::{Arc, Mutex};

use burn::tensor::activation::{relu, silu, tanh};
use burn::tensor::module::{batch_norm_train, conv2d, linear, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};
use kiln::config::Precision;
use kiln::kernels::{
    BlockOptions, DenseOptions, DepthwiseOptions, Epilogue, Labels, Moments, NormMoments,
    NormOptions, NormThen, Pointwise, PoolWindow, batch_norm_block, conv_block, cross_entropy,
    dense_block, depthwise_block, global_mean_block, max_pool_block, scale_block, window_max_block,
};

use super::random;
use crate::support::process::at_every_simd_limit;
use crate::support::recorded::floats as values;

/// A leaf of a graph on the CPU.
fn leaf<const D: usize>(shape: [usize; D], key: u64) -> Tensor<D> {
    let data = TensorData::new(random(shape.iter().product(), key), shape);
    let device = Device::flex().autodiff();
    Tensor::<D>::from_data(data, &device).require_grad()
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

const ACTIVATIONS: [Pointwise; 5] = [
    Pointwise::Linear,
    Pointwise::Relu,
    Pointwise::Relu6,
    Pointwise::HardSilu,
    Pointwise::Silu,
];

/// The activation by plain operations.
fn activated<const D: usize>(then: Pointwise, x: Tensor<D>) -> Tensor<D> {
    match then {
        Pointwise::Linear => x,
        Pointwise::Relu => relu(x),
        Pointwise::Relu6 => x.clamp(0.0, 6.0),
        Pointwise::HardSilu => x.clone() * ((x + 3.0).clamp(0.0, 6.0) / 6.0),
        Pointwise::Silu => silu(x),
    }
}

#[test]
fn the_convolution_block_agrees_with_plain_burn() {
    at_every_simd_limit(|_| {
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
                stride: [1, 1],
                then: if relu_and_pool {
                    Pointwise::Relu
                } else {
                    Pointwise::Linear
                },
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
    });
}

#[test]
fn strided_and_depthwise_blocks_agree_with_plain_burn() {
    at_every_simd_limit(|_| {
        for (kernel, stride, padding) in [(3, 2, 1), (1, 2, 0), (7, 2, 3), (5, 3, 2), (1, 1, 0)] {
            let conv = |groups| ConvOptions::new([stride; 2], [padding; 2], [1, 1], groups);
            let plain = |x: &Tensor<4>, w: &Tensor<4>, b: &Tensor<1>, groups| {
                let first = x.clone().permute([0, 3, 1, 2]);
                let y = conv2d(first, w.clone(), Some(b.clone()), conv(groups));
                y.permute([0, 2, 3, 1])
            };
            let name = format!("{kernel} x {kernel}, stride {stride}");
            for then in ACTIVATIONS {
                let x = leaf([3, 12, 9, 17], 1);
                let (w, b) = (leaf([20, 17, kernel, kernel], 2), leaf([20], 3));
                let options = BlockOptions {
                    padding: [(padding, padding); 2],
                    stride: [stride; 2],
                    then,
                    pool: false,
                    precision: Precision::F32,
                };
                let leaves = || [grad_of(&x), grad_of(&w), grad_of(&b)];
                let fused = conv_block(x.clone(), w.clone(), b.clone(), options);
                let plain = activated(then, plain(&x, &w, &b, 1));
                compare(&name, &run(fused, &leaves()), &run(plain, &leaves()));
            }
            let x = leaf([3, 12, 9, 21], 1);
            let (w, b) = (leaf([21, 1, kernel, kernel], 2), leaf([21], 3));
            for then in ACTIVATIONS {
                let options = DepthwiseOptions {
                    padding: [(padding, padding); 2],
                    stride: [stride; 2],
                    then,
                };
                let leaves = || [grad_of(&x), grad_of(&w), grad_of(&b)];
                let fused = depthwise_block(x.clone(), w.clone(), b.clone(), options);
                let plain = activated(then, plain(&x, &w, &b, 21));
                let name = format!("{name}, of each channel, {then:?}");
                compare(&name, &run(fused, &leaves()), &run(plain, &leaves()));
            }
        }
    });
}

#[test]
fn windows_of_any_size_and_gates_agree_with_plain_burn() {
    at_every_simd_limit(|_| {
        let x = leaf([3, 7, 10, 19], 1);
        for (size, stride, padding) in [
            ([3, 3], [2, 2], 1),
            ([2, 3], [1, 2], 0),
            ([3, 2], [3, 3], 1),
        ] {
            let mut pool = MaxPoolOptions::new(size);
            pool.stride = stride;
            pool.padding = [(padding, padding); 2];
            let plain = max_pool2d(x.clone().permute([0, 3, 1, 2]), pool.clone());
            let window = PoolWindow {
                size,
                stride,
                padding: [(padding, padding); 2],
            };
            let fused = window_max_block(x.clone(), window);
            let plain = run(plain.permute([0, 2, 3, 1]), &[grad_of(&x)]);
            compare(&format!("{window:?}"), &run(fused, &[grad_of(&x)]), &plain);
        }
        let gate = leaf([3, 19], 2);
        let leaves = || [grad_of(&x), grad_of(&gate)];
        let plain = x.clone() * gate.clone().reshape([3, 1, 1, 19]);
        let fused = scale_block(x.clone(), gate.clone());
        compare("gate", &run(fused, &leaves()), &run(plain, &leaves()));
    });
}

#[test]
fn the_dense_block_agrees_with_plain_burn() {
    at_every_simd_limit(|_| {
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
    });
}

#[test]
fn pooling_and_normalisation_agree_with_plain_burn() {
    at_every_simd_limit(|_| {
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
            then: NormThen::default(),
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

        for then in [
            NormThen::Pointwise(Pointwise::Relu),
            NormThen::Pointwise(Pointwise::Relu6),
            NormThen::Pointwise(Pointwise::HardSilu),
            NormThen::Pointwise(Pointwise::Silu),
            NormThen::ReluPool,
        ] {
            let options = NormOptions {
                epsilon: 1e-3,
                moments: NormMoments::Found(Arc::default()),
                then,
            };
            let fused = batch_norm_block(x.clone(), gamma.clone(), beta.clone(), options);
            let first = x.clone().permute([0, 3, 1, 2]);
            let plain = batch_norm_train(first, gamma.clone(), beta.clone(), 1e-3);
            let plain = activated(then.activation(), plain.output.permute([0, 2, 3, 1]));
            let plain = match then {
                NormThen::ReluPool => pooled(plain),
                NormThen::Pointwise(_) => plain,
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
                then: NormThen::default(),
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
    });
}

#[test]
fn cross_entropies_agree_with_plain_burn() {
    at_every_simd_limit(|_| {
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
    });
}
