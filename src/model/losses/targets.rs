//! Targets in the forms in which losses take them.

use burn::tensor::{Int, Tensor, TensorData};

use crate::data::Target;

/// Class indices.
pub fn indices(classes: &Tensor<1, Int>) -> Vec<u32> {
    let data = classes.to_data();
    data.iter::<i64>().map(|class| class as u32).collect()
}

/// For two classes, the share of the second in each sample, `[batch]`.
pub fn binary_labels(target: &Target) -> Tensor<1> {
    match target {
        Target::Class(classes) => classes.clone().float(),
        Target::Soft(shares) => shares.clone().narrow(1, 1, 1).squeeze_dim(1),
        Target::Multi(labels) | Target::Real(labels) => labels.clone().squeeze_dim(1),
    }
}

/// The share of each class, `[batch, classes]`.
pub fn shares(target: &Target, logits: &Tensor<2>) -> Tensor<2> {
    match target {
        Target::Class(classes) => {
            let [batch, num_classes] = logits.dims();
            let mut shares = vec![0.0; batch * num_classes];
            for (row, class) in indices(classes).into_iter().enumerate() {
                shares[row * num_classes + class as usize] = 1.0;
            }
            let data = TensorData::new(shares, [batch, num_classes]);
            Tensor::from_data(data, &logits.device())
        }
        Target::Soft(shares) | Target::Multi(shares) | Target::Real(shares) => shares.clone(),
    }
}
