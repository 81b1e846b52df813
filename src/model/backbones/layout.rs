//! How the values of a tensor of another library are laid out here.

use super::mapping::{Mapped, Transform};

/// `values` of the sizes `shape`, with the dimensions in the order `order`.
fn permuted(values: &[f32], shape: &[usize], order: &[usize]) -> Vec<f32> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let sizes: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    let steps: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
    let mut at = vec![0; sizes.len()];
    let mut laid = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let place: usize = at.iter().zip(&steps).map(|(at, step)| at * step).sum();
        laid.push(values[place]);
        for axis in (0..sizes.len()).rev() {
            at[axis] += 1;
            if at[axis] < sizes[axis] {
                break;
            }
            at[axis] = 0;
        }
    }
    laid
}

/// Without sizes of 1 at both ends: a factor of each channel may be kept as `[channels, 1, 1]`.
fn squeezed(shape: &[usize]) -> &[usize] {
    match shape {
        [1, rest @ ..] | [rest @ .., 1] => squeezed(rest),
        shape => shape,
    }
}

/// Whether a tensor of the sizes `found` can be laid out for a parameter; a first convolution of colours fits images of any
/// number of channels.
pub fn fits(one: &Mapped, found: &[usize], is_first: bool) -> bool {
    let mut expected = one.expected();
    let channels = match one.transform {
        Transform::ConvOfKeras => 2,
        _ => 1,
    };
    if is_first && found.len() == 4 && expected.len() == 4 && found[channels] == 3 {
        expected[channels] = 3;
    }
    match (one.transform, found) {
        // A fully connected layer may be kept as a convolution of 1 x 1.
        (Transform::Transpose, [out, inputs, rest @ ..]) => {
            expected == [*out, *inputs] && rest.iter().all(|&size| size == 1)
        }
        (Transform::Flattened([height, width, channels]), &[out, c, h, w]) => {
            [out, c, h, w] == [expected[0], channels, height, width]
        }
        (Transform::None, found) => squeezed(found) == squeezed(&expected),
        _ => found == expected,
    }
}

/// The values of a tensor of the sizes `shape` as this project lays them out.
pub fn laid_out(one: &Mapped, values: Vec<f32>, shape: &[usize]) -> Vec<f32> {
    match one.transform {
        Transform::None => values,
        Transform::Transpose => permuted(&values, &shape[..2], &[1, 0]),
        Transform::Flattened([height, width, channels]) => {
            let shape = [shape[0], channels, height, width];
            permuted(&values, &shape, &[2, 3, 1, 0])
        }
        Transform::ConvOfKeras => permuted(&values, shape, &[3, 2, 0, 1]),
        Transform::DepthwiseOfKeras => permuted(&values, shape, &[2, 3, 0, 1]),
    }
}

/// What is done to a first convolution of colours for so many channels.
pub fn adaptation(channels: usize) -> String {
    match channels {
        1 => "the weights of the first convolution are summed over the colors".into(),
        _ => format!(
            "the weights of the first convolution are repeated for {channels} channels and multiplied by 3/{channels}"
        ),
    }
}

/// The weights `[out, 3, height, width]` of a convolution for as many input channels as `shape` has.
pub fn adapt(values: &[f32], shape: &[usize]) -> Vec<f32> {
    const FROM: usize = 3;
    let (to, area) = (shape[1], shape[2] * shape[3]);
    let filters = values.chunks(FROM * area);
    let laid = filters.flat_map(|filter| {
        (0..to * area).map(move |at| {
            let (channel, place) = (at / area, at % area);
            match to {
                1 => (0..FROM)
                    .map(|channel| filter[channel * area + place])
                    .sum(),
                _ => filter[channel % FROM * area + place] * FROM as f32 / to as f32,
            }
        })
    });
    laid.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(transform: Transform, shape: &[usize]) -> Mapped {
        Mapped {
            param: "0.weight".into(),
            shape: shape.to_vec(),
            tensor: "conv1.weight".into(),
            transform,
            minus: None,
        }
    }

    /// `numpy.arange(12).reshape(..).transpose(..)`
    #[test]
    fn matrices_and_kernels_are_turned_as_numpy_turns_them() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let turned =
            |transform, shape: &[usize]| laid_out(&mapped(transform, &[]), values.clone(), shape);
        let [a, b] = [[0., 4., 8.], [1., 5., 9.]];
        let transposed = turned(Transform::Transpose, &[3, 4]);
        assert_eq!((&transposed[..3], &transposed[3..6]), (&a[..], &b[..]));
        assert_eq!(turned(Transform::Transpose, &[3, 4, 1, 1]), transposed);
        let kernel = turned(Transform::ConvOfKeras, &[1, 2, 2, 3]);
        assert_eq!(kernel, [0., 6., 3., 9., 1., 7., 4., 10., 2., 8., 5., 11.]);
        let depthwise = turned(Transform::DepthwiseOfKeras, &[2, 2, 3, 1]);
        assert_eq!(
            depthwise,
            [0., 3., 6., 9., 1., 4., 7., 10., 2., 5., 8., 11.]
        );
        let flattened = turned(Transform::Flattened([1, 3, 2]), &[2, 6]);
        assert_eq!(
            flattened,
            [0., 6., 3., 9., 1., 7., 4., 10., 2., 8., 5., 11.]
        );
    }
}
