//! Synthetic shapes: a small image dataset with seeded position, size, angle, colours and noise.

use super::decode::pixels::Pixels;
use crate::data::core::random::{Purpose, Rng};

/// A kind of shape.
pub struct ShapeKind {
    /// The class.
    pub name: &'static str,
    /// Whether a point lies inside, with the shape about the origin and of radius 1.
    inside: fn(f64, f64) -> bool,
}

/// Every kind of shape, in sorted order.
pub const SHAPES: [ShapeKind; 3] = [
    ShapeKind {
        name: "circle",
        inside: |x, y| x * x + y * y <= 0.75,
    },
    ShapeKind {
        name: "square",
        inside: |x, y| x.abs().max(y.abs()) <= 0.72,
    },
    ShapeKind {
        name: "triangle",
        inside: in_triangle,
    },
];

/// The triangle with its corners on the unit circle, one of them at (0, 1).
fn in_triangle(x: f64, y: f64) -> bool {
    let half_width = (1.0 - y) / 3f64.sqrt();
    y >= -0.5 && x.abs() <= half_width
}

/// Points a pixel, along each axis, whose mean gives smooth edges.
const SAMPLES: usize = 4;

/// Draws the image of (class, seed, number), `size` x `size` pixels in colour.
pub fn draw_shape(class: usize, size: usize, seed: u64, number: u64) -> Pixels {
    let mut rng = Rng::new(seed, Purpose::Synth, &[class as u64, number]);
    let side = size as f64;
    let radius = rng.range(0.22, 0.42) * side;
    let centre = [
        rng.range(radius, side - radius),
        rng.range(radius, side - radius),
    ];
    let (sin, cos) = rng.range(0.0, std::f64::consts::TAU).sin_cos();
    let (back, front) = contrasting_colours(&mut rng);
    let mut bytes = Vec::with_capacity(size * size * 3);
    for row in 0..size {
        for column in 0..size {
            let mut covered = 0;
            for sample in 0..SAMPLES * SAMPLES {
                let offset = |n: usize| (n as f64 + 0.5) / SAMPLES as f64;
                let y = (row as f64 + offset(sample / SAMPLES) - centre[0]) / radius;
                let x = (column as f64 + offset(sample % SAMPLES) - centre[1]) / radius;
                let (turned_x, turned_y) = (cos * x - sin * y, sin * x + cos * y);
                covered += usize::from((SHAPES[class].inside)(turned_x, turned_y));
            }
            let share = covered as f64 / (SAMPLES * SAMPLES) as f64;
            for channel in 0..3 {
                let level = back[channel] + (front[channel] - back[channel]) * share;
                bytes.push((level + 4.0 * rng.normal()).round().clamp(0.0, 255.0) as u8);
            }
        }
    }
    Pixels {
        width: size,
        height: size,
        channels: 3,
        bytes,
    }
}

/// A dark colour and a light one.
fn contrasting_colours(rng: &mut Rng) -> ([f64; 3], [f64; 3]) {
    let mut colour = |low: f64, high: f64| [(); 3].map(|()| rng.range(low, high));
    (colour(10.0, 110.0), colour(140.0, 245.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_number_name_one_image() {
        let draw = |seed, number| draw_shape(1, 16, seed, number);
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
