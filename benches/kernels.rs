//! The hot paths of a training step on the CPU, at the sizes of the reference nets.
//!
//! `cargo bench` runs all, `cargo bench -- winograd` some. For whole nets beside the peers see
//! `benches/peers/run`; for the net of an experiment `kiln bench`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln::config::Precision;
use kiln::data::{Purpose, Rng};
use kiln::kernels::Pointwise;
use kiln::kernels::conv::{ConvShape, forward, input_grad, weight_grad};
use kiln::kernels::dense::{self, DenseShape};
use kiln::kernels::depthwise::{self, DepthwiseShape};

fn random(len: usize, key: u64) -> Vec<f32> {
    let mut rng = Rng::new(1, Purpose::Synth, &[key]);
    (0..len).map(|_| rng.range(-0.5, 0.5) as f32).collect()
}

/// (name, size of the input, channels, filters, pooled)
const CONVOLUTIONS: [(&str, usize, usize, usize, bool); 6] = [
    ("cats_dogs_150/1", 150, 3, 32, true),
    ("cats_dogs_150/2", 74, 32, 64, true),
    ("cats_dogs_150/3", 36, 64, 128, true),
    ("mnist/1", 28, 1, 32, true),
    ("mnist/2", 13, 32, 64, true),
    ("mnist/3", 5, 64, 64, false),
];

fn convolutions(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolution, batch of 32");
    for (name, size, channels, filters, pool) in CONVOLUTIONS {
        let shape = ConvShape {
            batch: 32,
            height: size,
            width: size,
            channels,
            filters,
            kernel: [3, 3],
            stride: [1, 1],
            pool,
            then: Pointwise::Relu,
        };
        let x = random(shape.input_len(), 1);
        let w = random(filters * shape.taps(), 2);
        let b = random(filters, 3);
        let grad = random(shape.out_len(), 4);
        let mut places = vec![0; shape.out_len()];
        let [rows, columns] = shape.conv_size();
        let cost = 32 * rows * columns * filters * shape.taps();
        group.throughput(Throughput::Elements(cost as u64)); // multiply-adds of the plain algorithm
        for precision in [Precision::F32, Precision::Bf16] {
            let id = BenchmarkId::new(format!("forward, {precision:?}"), name);
            group.bench_function(id, |bench| {
                bench.iter(|| forward(&shape, &x, &w, &b, Some(&mut places), precision));
            });
        }
        group.bench_function(BenchmarkId::new("weight gradient", name), |bench| {
            bench.iter(|| weight_grad(&shape, &x, &grad, &places, true));
        });
        if channels > 3 {
            group.bench_function(BenchmarkId::new("input gradient", name), |bench| {
                bench.iter(|| input_grad(&shape, [(0, 0); 2], &w, &grad, &places));
            });
        }
    }
    group.finish();
}

/// (size of the input, channels, filters, kernel, stride): convolutions of EfficientNet-Lite0 and ResNet
const OF_BACKBONES: [(usize, usize, usize, usize, usize); 7] = [
    (225, 3, 32, 3, 2),
    (112, 16, 96, 1, 1),
    (56, 144, 24, 1, 1),
    (14, 480, 112, 1, 1),
    (7, 1152, 320, 1, 1),
    (57, 64, 128, 3, 2),
    (28, 512, 128, 1, 1),
];

fn backbones(c: &mut Criterion) {
    let mut group = c.benchmark_group("convolution of a backbone, batch of 8");
    for (size, channels, filters, kernel, stride) in OF_BACKBONES {
        let shape = ConvShape {
            batch: 8,
            height: size,
            width: size,
            channels,
            filters,
            kernel: [kernel; 2],
            stride: [stride; 2],
            pool: false,
            then: Pointwise::Linear,
        };
        let x = random(shape.input_len(), 1);
        let w = random(filters * shape.taps(), 2);
        let b = random(filters, 3);
        let grad = random(shape.out_len(), 4);
        let name = format!("{size}x{size}x{channels} to {filters}, {kernel}x{kernel}/{stride}");
        group.throughput(Throughput::Elements(
            (shape.out_len() * shape.taps()) as u64,
        ));
        group.bench_function(BenchmarkId::new("forward", &name), |bench| {
            let then = Pointwise::Relu6;
            let shape = ConvShape { then, ..shape };
            bench.iter(|| forward(&shape, &x, &w, &b, None, Precision::F32));
        });
        group.bench_function(BenchmarkId::new("weight gradient", &name), |bench| {
            bench.iter(|| weight_grad(&shape, &x, &grad, &[], false));
        });
        if channels > 3 {
            group.bench_function(BenchmarkId::new("input gradient", &name), |bench| {
                bench.iter(|| input_grad(&shape, [(0, 0); 2], &w, &grad, &[]));
            });
        }
    }
    group.finish();
}

/// (size of the input, channels, kernel, stride)
const DEPTHWISE: [(usize, usize, usize, usize); 5] = [
    (112, 32, 3, 1),
    (112, 96, 3, 2),
    (28, 240, 5, 1),
    (7, 1152, 5, 1),
    (56, 96, 7, 1),
];

fn depthwise_layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("depthwise convolution, batch of 8");
    for (size, channels, kernel, stride) in DEPTHWISE {
        let shape = DepthwiseShape {
            batch: 8,
            size: [size; 2],
            channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [(kernel / 2, kernel / 2); 2],
        };
        let x = random(8 * shape.image_len(), 1);
        let w = random(channels * shape.taps(), 2);
        let b = random(channels, 3);
        let grad = random(8 * shape.out_image_len(), 4);
        let name = format!("{size}x{size}x{channels}, {kernel}x{kernel}/{stride}");
        group.throughput(Throughput::Elements((grad.len() * shape.taps()) as u64));
        group.bench_function(BenchmarkId::new("forward", &name), |bench| {
            bench.iter(|| depthwise::forward(&shape, &x, &w, Some(&b), Pointwise::Relu6));
        });
        group.bench_function(BenchmarkId::new("input gradient", &name), |bench| {
            bench.iter(|| depthwise::input_grad(&shape, &w, &grad));
        });
        group.bench_function(BenchmarkId::new("weight gradient", &name), |bench| {
            bench.iter(|| depthwise::weight_grad(&shape, &x, &grad));
        });
    }
    group.finish();
}

/// (name, features, units)
const DENSE: [(&str, usize, usize); 4] = [
    ("cats_dogs_150", 36_992, 512),
    ("cats_dogs_100", 76_832, 128),
    ("cifar10", 16_384, 128),
    ("mnist", 576, 64),
];

fn dense_layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("fully connected, batch of 32");
    for (name, features, units) in DENSE {
        let shape = DenseShape {
            batch: 32,
            features,
            units,
        };
        let (x, w) = (random(32 * features, 1), random(features * units, 2));
        let grad = random(32 * units, 3);
        let mut y = vec![0.0; 32 * units];
        let mut dx = vec![0.0; 32 * features];
        let mut dw = vec![0.0; features * units];
        group.throughput(Throughput::Elements((32 * features * units) as u64));
        group.bench_function(BenchmarkId::new("forward", name), |bench| {
            bench.iter(|| dense::forward(&shape, &x, &w, None, &mut y));
        });
        for precision in [Precision::F32, Precision::Bf16] {
            let id = BenchmarkId::new(format!("input gradient, {precision:?}"), name);
            group.bench_function(id, |bench| {
                bench.iter(|| dense::input_grad(&shape, &w, &grad, &mut dx, precision));
            });
        }
        group.bench_function(BenchmarkId::new("weight gradient", name), |bench| {
            bench.iter(|| dense::weight_grad(&shape, &x, &grad, &mut dw));
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    convolutions,
    backbones,
    depthwise_layers,
    dense_layers
);
criterion_main!(benches);
