//! Which parts of a net are trained, from which epoch on, and at which multiple of the learning rate.

/// In which epochs a layer or a parameter is frozen: not trained, and run as in evaluation. Ordered: what is frozen
/// for longer is the larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frozen {
    /// In none.
    #[default]
    Never,
    /// In those before this one, counted from 0.
    Before(u64),
    /// In all.
    Always,
}

impl Frozen {
    /// Whether it is frozen in an epoch, counted from 0.
    pub fn in_epoch(self, epoch: u64) -> bool {
        match self {
            Frozen::Never => false,
            Frozen::Before(first) => epoch < first,
            Frozen::Always => true,
        }
    }
}

/// How a layer or a parameter is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// In which epochs it is not.
    pub frozen: Frozen,
    /// The learning rate is multiplied by it.
    pub rate_scale: f64,
    /// Whether batch normalisations within it are trained again when it is.
    pub thaws_norms: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            frozen: Frozen::Never,
            rate_scale: 1.0,
            thaws_norms: true,
        }
    }
}

impl Tuning {
    /// That of a layer with this tuning within a layer with the tuning `outer`: frozen where either is, both scales
    /// multiplied.
    pub fn within(self, outer: Tuning) -> Tuning {
        Tuning {
            frozen: self.frozen.max(outer.frozen),
            rate_scale: self.rate_scale * outer.rate_scale,
            thaws_norms: self.thaws_norms && outer.thaws_norms,
        }
    }

    /// That of a layer without options of its own which this one encloses.
    pub fn of_layer(self, tag: &str) -> Tuning {
        let stays = tag == "batch_norm" && self.frozen != Frozen::Never && !self.thaws_norms;
        Tuning {
            frozen: if stays { Frozen::Always } else { self.frozen },
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_frozen_where_it_or_the_layer_around_it_is() {
        let of = |frozen, rate_scale| Tuning {
            frozen,
            rate_scale,
            ..Tuning::default()
        };
        let inner = of(Frozen::Before(2), 0.5).within(of(Frozen::Before(4), 0.1));
        assert_eq!(inner, of(Frozen::Before(4), 0.05));
        assert!(inner.frozen.in_epoch(3) && !inner.frozen.in_epoch(4));
        let inner = of(Frozen::Never, 1.0).within(of(Frozen::Always, 1.0));
        assert!(inner.frozen.in_epoch(u64::MAX));
        assert!(!Tuning::default().frozen.in_epoch(0));
    }

    #[test]
    fn batch_normalisations_stay_frozen_where_they_are_not_asked_for() {
        let outer = Tuning {
            frozen: Frozen::Before(2),
            thaws_norms: false,
            ..Tuning::default()
        };
        assert_eq!(outer.of_layer("batch_norm").frozen, Frozen::Always);
        assert_eq!(outer.of_layer("conv2d").frozen, Frozen::Before(2));
        let asked = Tuning {
            thaws_norms: true,
            ..outer
        };
        assert_eq!(asked.of_layer("batch_norm").frozen, Frozen::Before(2));
    }
}
