//! The same updates as chains of tensor operations, for other devices.

use burn::tensor::Tensor;

use super::{Rule, Update};

impl Update {
    /// The new parameter and state.
    pub(super) fn on_tensors(
        &self,
        param: Tensor<1>,
        mut state: Vec<Tensor<1>>,
        grad: Tensor<1>,
    ) -> (Tensor<1>, Vec<Tensor<1>>) {
        let grad = match self.decay {
            0.0 => grad,
            decay => grad + param.clone() * decay,
        };
        let param = match self.keep {
            1.0 => param,
            keep => param * keep,
        };
        let second = (state.len() > 1).then(|| state.pop()).flatten();
        let first = state.pop();
        match (self.rule, first, second) {
            (Rule::Sgd { rate }, None, None) => (param - grad * rate, Vec::new()),
            (
                Rule::Momentum {
                    inner,
                    outer,
                    momentum,
                    nesterov,
                },
                Some(velocity),
                None,
            ) => {
                let step = grad * -inner;
                let velocity = velocity * momentum + step.clone();
                let change = match nesterov {
                    true => velocity.clone() * momentum + step,
                    false => velocity.clone(),
                };
                (param + change * outer, vec![velocity])
            }
            (
                Rule::Adam {
                    rate,
                    beta1,
                    beta2,
                    epsilon,
                },
                Some(m),
                Some(v),
            ) => {
                let m = follow(m, grad.clone(), beta1);
                let v = follow(v, grad.square(), beta2);
                let change = m.clone() / (v.clone().sqrt() + epsilon) * rate;
                (param - change, vec![m, v])
            }
            (
                Rule::Nadam {
                    rate,
                    ahead,
                    beta1,
                    beta2,
                    epsilon,
                },
                Some(m),
                Some(v),
            ) => {
                let m = follow(m, grad.clone(), beta1);
                let v = follow(v, grad.clone().square(), beta2);
                let change = m.clone() * rate + grad * ahead;
                (param - change / (v.clone().sqrt() + epsilon), vec![m, v])
            }
            (
                Rule::Squares {
                    inner,
                    outer,
                    kept,
                    taken,
                    momentum,
                    inside,
                    outside,
                },
                Some(squares),
                velocity,
            ) => {
                let squares = squares * kept + grad.clone().square() * taken;
                let root = (squares.clone() + inside).sqrt() + outside;
                let change = grad / root * inner;
                match velocity {
                    Some(velocity) => {
                        let velocity = velocity * momentum + change;
                        (param - velocity.clone() * outer, vec![squares, velocity])
                    }
                    None => (param - change * outer, vec![squares]),
                }
            }
            (Rule::Lion { rate, beta1, beta2 }, Some(m), None) => {
                let step = follow(m.clone(), grad.clone(), beta1).sign();
                (param - step * rate, vec![follow(m, grad, beta2)])
            }
            (
                Rule::Lamb {
                    rate,
                    beta1,
                    beta2,
                    scale1,
                    scale2,
                    epsilon,
                    decay,
                },
                Some(m),
                Some(v),
            ) => {
                let m = follow(m, grad.clone(), beta1);
                let v = follow(v, grad.square(), beta2);
                let root = (v.clone() * scale2).sqrt() + epsilon;
                let change = m.clone() * scale1 / root + param.clone() * decay;
                let trust = trust(&param, &change) * rate;
                let step = change * trust.expand(param.dims());
                (param - step, vec![m, v])
            }
            (rule, ..) => unreachable!("{rule:?}: the number of tensors was checked"),
        }
    }
}

/// `share mean + (1 - share) value`
fn follow(mean: Tensor<1>, value: Tensor<1>, share: f64) -> Tensor<1> {
    mean * share + value * (1.0 - share)
}

/// The norm of a parameter by that of its change, or 1 where one of them is 0.
fn trust(param: &Tensor<1>, change: &Tensor<1>) -> Tensor<1> {
    let norm = |tensor: &Tensor<1>| tensor.clone().square().sum().sqrt();
    let (param, change) = (norm(param), norm(change));
    let none = param.clone().equal_elem(0.0);
    let trust = param / change.clone();
    let trust = trust.mask_fill(none, 1.0);
    trust.mask_fill(change.equal_elem(0.0), 1.0)
}
