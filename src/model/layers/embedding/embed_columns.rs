//! The layer before those of the experiment where the table has embedded columns: each of them gives the number
//! of a category and takes a trained vector.

use burn::tensor::Tensor;
use burn::tensor::module::embedding;

use super::tokens::Embedding;
use crate::config::{Fault, Path, read};
use crate::data::{EmbeddedColumn, Shape, Value};
use crate::model::graph::{Forward, Layer, LayerReader, Mismatch, Planned, Scope};

/// Puts a vector in the place of each number of a category, whatever lies beside it: what a fully connected layer
/// without a bias makes of one input a category. The number 0 (no category that training had) gives zeros.
///
/// # Shapes
/// Input `[batch, features]`, output `[batch, features - columns + sum of dims]`; a weight a column,
/// `[categories, dim]`.
#[derive(Clone, Debug)]
pub struct EmbedColumns(Vec<(EmbeddedColumn, Embedding)>);

impl EmbedColumns {
    /// Reads the options of every column; `None` where there is no column.
    ///
    /// # Errors
    /// Every mistake of them.
    pub fn read(columns: Vec<EmbeddedColumn>) -> Result<Option<EmbedColumns>, Vec<Fault>> {
        let mut read_columns = Vec::new();
        let mut faults = Vec::new();
        for column in columns {
            let path = Path::parse("data.columns").key(&column.name);
            match read::<Embedding>(column.options.clone(), &path.key("embedding")) {
                Ok(options) => read_columns.push((column, options)),
                Err(more) => faults.extend(more),
            }
        }
        match faults.is_empty() {
            true => Ok((!read_columns.is_empty()).then_some(EmbedColumns(read_columns))),
            false => Err(faults),
        }
    }
}

impl Layer for EmbedColumns {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let inputs = input.num_elements();
        let dims = self.0.iter().map(|(_, options)| options.dim());
        let dims = dims.fold(0, usize::saturating_add);
        let params = self.0.iter().map(|(column, options)| {
            let weight = options.weight(column.categories);
            weight.within(&column.name)
        });
        Ok(Planned::new(
            self.clone(),
            Shape::Flat {
                features: (inputs - self.0.len()).saturating_add(dims),
            },
        )
        .params(params.collect()))
    }
}

impl Forward for EmbedColumns {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let Value::Flat(x) = input else {
            unreachable!("planned for the rows of a table, got {input:?}")
        };
        let [batch, inputs] = x.dims();
        let mut parts = Vec::new();
        let mut done = 0;
        for (column, options) in &self.0 {
            if column.at > done {
                parts.push(x.clone().narrow(1, done, column.at - done));
            }
            let weight: Tensor<2> = scope.weight(&format!("{}.weight", column.name));
            let none = Tensor::zeros([1, options.dim()], &weight.device());
            let vectors = Tensor::cat(vec![none, weight], 0);
            // Inputs that were made up, to measure, may be any numbers.
            let number = x.clone().narrow(1, column.at, 1);
            let number = number.clamp(0.0, column.categories as f64).int();
            parts.push(embedding(vectors, number).reshape([batch, options.dim()]));
            done = column.at + 1;
        }
        if inputs > done {
            parts.push(x.narrow(1, done, inputs - done));
        }
        Value::Flat(Tensor::cat(parts, 1))
    }

    fn needs_f32(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Choice, choose};
    use crate::model::graph::Pass;
    use burn::tensor::{Device, Tolerance};
    use serde_json::json;

    fn layer() -> EmbedColumns {
        let columns = vec![EmbeddedColumn {
            name: "place".into(),
            at: 1,
            categories: 3,
            options: json!({"dim": 2}),
        }];
        let layer = EmbedColumns::read(columns).expect("options that fit");
        layer.expect("a column")
    }

    #[test]
    fn it_is_a_dense_layer_without_bias_on_one_input_a_category() {
        equals_dense(&Device::flex().autodiff());
    }

    #[test]
    #[ignore = "needs KILN_TEST_GPU=1 and --ignored"]
    fn it_is_a_dense_layer_without_bias_on_a_gpu_too() {
        let chosen = choose(Choice::Gpu(None)).expect("an adapter");
        equals_dense(&chosen.device.autodiff());
    }

    /// Rows 0 and 1 have categories 2 and 1 of three, row 2 has none, row 3 has the last.
    fn equals_dense(device: &Device) {
        let layer = layer();
        let plan = layer
            .plan(Shape::Flat { features: 3 }, LayerReader::new(&[]))
            .expect("a row");
        assert_eq!(plan.output, Shape::Flat { features: 4 });
        assert_eq!(plan.params[0].name, "place.weight");
        let weight =
            || Tensor::<1>::from_floats([0.5, -1.0, 2.0, 0.25, 3.0, -4.0], device).require_grad();
        let pull = Tensor::<2>::from_floats(
            [
                [1.0, 2.0, 3.0, 4.0],
                [0.5, -1.0, 1.0, 2.0],
                [9.0; 4],
                [-1.0, 0.5, 2.0, 1.0],
            ],
            device,
        );

        let ours = weight();
        let tensors = [ours.clone()];
        let pass = Pass::default();
        let scope = Scope {
            name: "model.embed",
            specs: &plan.params,
            tensors: &tensors,
            sinks: &[],
            skip_activation: false,
            kernel: false,
            then: Default::default(),
            pass: &pass,
        };
        let rows = [
            [7.0, 2.0, 8.0],
            [5.0, 1.0, 6.0],
            [3.0, 0.0, 4.0],
            [1.0, 3.0, 2.0],
        ];
        let x = Tensor::<2>::from_floats(rows, device);
        let Value::Flat(found) = layer.forward(Value::Flat(x), &scope) else {
            panic!("a row")
        };
        let grads = (found.clone() * pull.clone()).sum().backward();

        let dense = weight();
        let hot = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0; 3], [0.0, 0.0, 1.0]];
        let hot = Tensor::<2>::from_floats(hot, device);
        let beside = |values: [f32; 4]| Tensor::<1>::from_floats(values, device).reshape([4, 1]);
        let product = hot.matmul(dense.clone().reshape([3, 2]));
        let sides = [beside([7.0, 5.0, 3.0, 1.0]), beside([8.0, 6.0, 4.0, 2.0])];
        let [before, after] = sides;
        let expected = Tensor::cat(vec![before, product, after], 1);
        let dense_grads = (expected.clone() * pull).sum().backward();

        let close = Tolerance::<f32>::absolute(1e-6);
        found
            .into_data()
            .assert_approx_eq(&expected.into_data(), close);
        let grad = |tensor: &Tensor<1>, grads| tensor.grad(grads).expect("a gradient").into_data();
        grad(&ours, &grads).assert_approx_eq(&grad(&dense, &dense_grads), close);
    }

    #[test]
    fn a_mistake_in_its_options_is_told_with_the_column() {
        let columns = vec![EmbeddedColumn {
            name: "place".into(),
            at: 0,
            categories: 3,
            options: json!({"dims": 2}),
        }];
        let faults = EmbedColumns::read(columns).expect_err("no dim");
        let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(
            words[0].starts_with("data.columns.place.embedding.dims is not a known key"),
            "{words:?}"
        );
        assert!(words[1].contains("embedding.dim is missing"), "{words:?}");
    }
}
