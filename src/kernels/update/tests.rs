//! The fused pass against the chain of tensor operations.

use burn::tensor::Device;

use super::pass::CHUNK;
use super::rules::{Adam, Lamb, Lion, Momentum, Nadam, Sgd, Squares, SquaresMomentum};
use super::*;
use crate::device::flex::tensor as primitive_of;
use crate::kernels::dense::PART_ROWS;

/// More than one piece, and a part of a vector at the end.
const LEN: usize = CHUNK + 13;

fn rules() -> [Update; 9] {
    let squares = Squares {
        inner: 0.1,
        outer: 0.5,
        kept: 0.9,
        taken: 0.1,
        inside: 1e-3,
        outside: 1e-2,
    };
    [
        Update::new(Sgd { rate: 0.1 }),
        Update::new(Momentum {
            inner: 0.1,
            outer: 1.0,
            momentum: 0.9,
            nesterov: false,
        }),
        Update::new(Momentum {
            inner: 1.0,
            outer: 0.1,
            momentum: 0.9,
            nesterov: true,
        }),
        Update::new(Adam {
            rate: 0.1,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-3,
        }),
        Update::new(Nadam {
            rate: 0.1,
            ahead: 0.02,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-3,
        }),
        Update::new(squares),
        Update::new(SquaresMomentum {
            squares,
            momentum: 0.9,
        }),
        Update::new(LION),
        Update::new(LAMB),
    ]
}

const LION: Lion = Lion {
    rate: 0.1,
    beta1: 0.9,
    beta2: 0.99,
};

const LAMB: Lamb = Lamb {
    rate: 0.1,
    beta1: 0.9,
    beta2: 0.99,
    scale1: 2.0,
    scale2: 3.0,
    epsilon: 1e-3,
    decay: 0.01,
};

fn wave(key: usize, scale: f32) -> Tensor<1> {
    let value = |i: usize| scale * (((i * 37 + key * 101) % 97) as f32 / 97.0 - 0.5);
    let values: Vec<f32> = (0..LEN).map(value).collect();
    Tensor::from_floats(values.as_slice(), &Device::flex())
}

fn values(tensor: &Tensor<1>) -> Vec<f32> {
    let data = tensor.clone().into_data();
    data.try_to_vec().expect("32-bit floats")
}

#[track_caller]
fn close(what: &str, found: &Tensor<1>, expected: &Tensor<1>) {
    let (found, expected) = (values(found), values(expected));
    for (index, (a, b)) in found.iter().zip(&expected).enumerate() {
        let error = (a - b).abs();
        assert!(error < 1e-5 * b.abs().max(1.0), "{what}[{index}]: {a} {b}");
    }
}

fn whole(grad: &Tensor<1>) -> Gradient {
    Gradient::Whole(Box::new(grad.clone()))
}

#[test]
fn the_fused_pass_agrees_with_tensor_operations() {
    for rule in rules() {
        for (decay, keep) in [(0.0, 1.0), (0.01, 0.99)] {
            let rule = rule.clone().coupled_decay(decay).keeping(keep);
            let (mut param, mut plain) = (wave(0, 2.0), wave(0, 2.0));
            let count = rule.num_slots();
            let mut slots: Vec<_> = (0..count).map(|_| param.zeros_like()).collect();
            let mut state = slots.clone();
            for step in 1..4 {
                let grad = wave(step, 1.0);
                param = update(&rule, param, &mut slots, whole(&grad));
                plain = rule.plain(plain, &mut state, grad);
            }
            close(&format!("{rule:?}"), &param, &plain);
            for (found, expected) in slots.iter().zip(&state) {
                close(&format!("state of {rule:?}"), found, expected);
            }
        }
    }
}

/// The product of the factors is `[features, units]`, several parts of rows.
#[test]
fn a_gradient_in_factors_makes_the_step_of_the_whole_one() {
    let [features, units] = [3 * PART_ROWS + 1, 7];
    let column: Vec<f32> = (0..features).map(|i| (i % 11) as f32 - 5.0).collect();
    let row: Vec<f32> = (0..units).map(|i| i as f32 / 7.0).collect();
    let product: Vec<f32> = column
        .iter()
        .flat_map(|x| row.iter().map(move |y| x * y))
        .collect();
    let grad = Tensor::<1>::from_floats(product.as_slice(), &Device::flex());
    let param = grad.clone() * 0.5 + 1.0;
    for rule in rules() {
        let slots = || (0..rule.num_slots()).map(|_| grad.zeros_like()).collect();
        let factors = Factors {
            inputs: primitive_of(column.clone(), [1, features]),
            outputs: primitive_of(row.clone(), [1, units]),
        };
        let factors = Gradient::Factors(Box::new(factors));
        let found = update(&rule, param.clone(), &mut slots(), factors);
        let expected = update(&rule, param.clone(), &mut slots(), whole(&grad));
        close(&format!("{rule:?}"), &found, &expected);
    }
}

/// A step of a parameter that is 0, or with a gradient that is, is not scaled.
#[test]
fn lamb_without_norms_takes_adam_s_step() {
    let device = Device::flex();
    let rule = Update::new(LAMB);
    let step = |param: [f32; 2], grad: [f32; 2]| {
        let mut slots = vec![Tensor::zeros([2], &device); 2];
        let (param, grad) = (
            Tensor::from_floats(param, &device),
            Tensor::from_floats(grad, &device),
        );
        values(&update(&rule, param, &mut slots, whole(&grad)))
    };
    assert_eq!(step([0.0; 2], [0.0; 2]), [0.0; 2]);
    let found = step([0.0; 2], [1.0, -1.0]);
    // m = 0.1, v = 0.01: 0.2 / (sqrt(0.03) + 0.001)
    let expected = 0.1 * 0.2 / (0.03f32.sqrt() + 1e-3);
    assert!((found[0] + expected).abs() < 1e-6 && (found[1] - expected).abs() < 1e-6);
}

#[test]
fn lion_s_sign_of_nothing_is_nothing_and_what_is_not_a_number_is_not_hidden() {
    let device = Device::flex();
    let param = Tensor::<1>::from_floats([1.0, 1.0, 1.0, 1.0], &device);
    let grad = Tensor::<1>::from_floats([0.0, 5.0, -1e-9, f32::NAN], &device);
    let mut slots = vec![param.zeros_like()];
    let found = values(&update(&Update::new(LION), param, &mut slots, whole(&grad)));
    assert_eq!(found[..3], [1.0, 0.9, 1.1]);
    assert!(found[3].is_nan());
}
