//! Steps that shrink with the squares of the gradients so far: Adagrad (Duchi, Hazan and Singer, 2011) and RMSprop
//! (Hinton, 2012).

use burn::tensor::Tensor;
use pulp::Simd;

use crate::kernels::update::rule::Rule;

/// `s = kept s + taken g^2; w -= outer inner g / (sqrt(s + inside) + outside)`
#[derive(Clone, Copy, Debug)]
pub struct Squares {
    /// The learning rate where the velocity contains it, else 1.
    pub inner: f32,
    /// The learning rate where the velocity does not contain it, else 1.
    pub outer: f32,
    /// The share of the squares that a step keeps.
    pub kept: f32,
    /// The share of its own that it adds.
    pub taken: f32,
    /// Added to the squares.
    pub inside: f32,
    /// Added to their root.
    pub outside: f32,
}

impl Rule<1> for Squares {
    #[inline(always)]
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        [squares]: &mut [S::f32s; 1],
        grad: S::f32s,
    ) -> S::f32s {
        let change = self.fused_change(simd, squares, grad);
        simd.mul_add_e_f32s(change, simd.splat_f32s(-self.outer), param)
    }

    fn plain(
        &self,
        param: Tensor<1>,
        [squares]: [Tensor<1>; 1],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 1]) {
        let (change, squares) = self.plain_change(squares, grad);
        (param - change * self.outer, [squares])
    }
}

/// s as [`Squares`]; `v = momentum v + inner g / (sqrt(s + inside) + outside); w -= outer v`
#[derive(Clone, Copy, Debug)]
pub struct SquaresMomentum {
    /// A step without momentum.
    pub squares: Squares,
    /// The share of the last step that is repeated.
    pub momentum: f32,
}

impl Rule<2> for SquaresMomentum {
    #[inline(always)]
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        [squares, velocity]: &mut [S::f32s; 2],
        grad: S::f32s,
    ) -> S::f32s {
        let change = self.squares.fused_change(simd, squares, grad);
        *velocity = simd.mul_add_e_f32s(*velocity, simd.splat_f32s(self.momentum), change);
        simd.mul_add_e_f32s(*velocity, simd.splat_f32s(-self.squares.outer), param)
    }

    fn plain(
        &self,
        param: Tensor<1>,
        [squares, velocity]: [Tensor<1>; 2],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let (change, squares) = self.squares.plain_change(squares, grad);
        let velocity = velocity * self.momentum + change;
        let param = param - velocity.clone() * self.squares.outer;
        (param, [squares, velocity])
    }
}

impl Squares {
    /// `inner g / (sqrt(s + inside) + outside)`, with the new squares.
    #[inline(always)]
    fn fused_change<S: Simd>(&self, simd: S, squares: &mut S::f32s, grad: S::f32s) -> S::f32s {
        let before = simd.mul_f32s(*squares, simd.splat_f32s(self.kept));
        let square = simd.mul_f32s(grad, grad);
        *squares = simd.mul_add_e_f32s(square, simd.splat_f32s(self.taken), before);
        let root = simd.sqrt_f32s(simd.add_f32s(*squares, simd.splat_f32s(self.inside)));
        let root = simd.add_f32s(root, simd.splat_f32s(self.outside));
        simd.mul_f32s(simd.div_f32s(grad, root), simd.splat_f32s(self.inner))
    }

    /// The same of tensors, and the new squares.
    fn plain_change(&self, squares: Tensor<1>, grad: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
        let squares = squares * self.kept + grad.clone().square() * self.taken;
        let root = (squares.clone() + self.inside).sqrt() + self.outside;
        (grad / root * self.inner, squares)
    }
}
