//! The hot paths of a training step on the CPU, at the sizes of the reference nets.
//!
//! `cargo bench` runs all, `cargo bench -- winograd` some. For whole nets beside the peers see
//! `benches/peers/run`; for the net of an experiment `kiln bench`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kiln::config::Precision;
use kiln::data::{Purpose, Rng};
use kiln::kernels::conv::{ConvShape, forward, input_grad, weight_grad};
use kiln::kernels::dense::{self, DenseShape};

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
            pool,
            relu: true,
        };
        let x = random(shape.input_len(), 1);
        let w = random(filters * shape.taps(), 2);
        let b = random(filters, 3);
        let grad = random(shape.out_len(), 4);
        let mut out = vec![0.0; shape.out_len()];
        let mut places = vec![0; shape.out_len()];
        let mut dx = vec![0.0; shape.input_len()];
        let [rows, columns] = shape.conv_size();
        let cost = 32 * rows * columns * filters * shape.taps();
        group.throughput(Throughput::Elements(cost as u64)); // multiply-adds of the plain algorithm
        for precision in [Precision::F32, Precision::Bf16] {
            let id = BenchmarkId::new(format!("forward, {precision:?}"), name);
            group.bench_function(id, |bench| {
                bench.iter(|| {
                    forward(&shape, &x, &w, &b, &mut out, Some(&mut places), precision);
                });
            });
        }
        group.bench_function(BenchmarkId::new("weight gradient", name), |bench| {
            bench.iter(|| weight_grad(&shape, &x, &grad, &places));
        });
        if channels > 3 {
            group.bench_function(BenchmarkId::new("input gradient", name), |bench| {
                bench.iter(|| input_grad(&shape, &w, &grad, &places, &mut dx));
            });
        }
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

criterion_group!(benches, convolutions, dense_layers);
criterion_main!(benches);
