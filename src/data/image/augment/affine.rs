//! Affine maps of the plane, `(row, column)`.

/// `input = matrix * output + offset`, both measured from the image's centre in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Row by row.
    pub matrix: [[f64; 2]; 2],
    /// Rows, columns.
    pub offset: [f64; 2],
}

impl Affine {
    /// Changes nothing.
    pub const IDENTITY: Affine = Affine {
        matrix: [[1.0, 0.0], [0.0, 1.0]],
        offset: [0.0, 0.0],
    };

    /// A map without offset.
    pub fn linear(matrix: [[f64; 2]; 2]) -> Affine {
        Affine {
            matrix,
            offset: [0.0, 0.0],
        }
    }

    /// A turn about the centre.
    pub fn rotation(degrees: f64) -> Affine {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Affine::linear([[cos, -sin], [sin, cos]])
    }

    /// Keras's shear.
    pub fn shear(degrees: f64) -> Affine {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Affine::linear([[1.0, -sin], [0.0, cos]])
    }

    /// A shift by so many pixels.
    pub fn shift(rows: f64, columns: f64) -> Affine {
        Affine {
            offset: [rows, columns],
            ..Affine::IDENTITY
        }
    }

    /// A zoom about the centre, factors under 1 magnify; a factor of -1 mirrors.
    pub fn scale(rows: f64, columns: f64) -> Affine {
        Affine::linear([[rows, 0.0], [0.0, columns]])
    }

    /// The matrix product `self * next`: `next` is applied to the output's place first.
    pub fn then(self, next: Affine) -> Affine {
        let [[a, b], [c, d]] = self.matrix;
        let [[e, f], [g, h]] = next.matrix;
        let [y, x] = next.offset;
        Affine {
            matrix: [
                [a * e + b * g, a * f + b * h],
                [c * e + d * g, c * f + d * h],
            ],
            offset: [
                a * y + b * x + self.offset[0],
                c * y + d * x + self.offset[1],
            ],
        }
    }
}

impl Default for Affine {
    fn default() -> Self {
        Affine::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_the_maps_one_after_the_other() {
        let turn = Affine::linear([[0.0, -1.0], [1.0, 0.0]]);
        let shift = Affine {
            offset: [2.0, 3.0],
            ..Affine::IDENTITY
        };
        let both = turn.then(shift);
        assert_eq!(both.matrix, turn.matrix);
        assert_eq!(both.offset, [-3.0, 2.0]);
    }
}
