//! What the modules of a backbone are called in files of weights.

/// A way to name the tensors of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Torchvision's models.
    Torchvision,
    /// Timm's.
    Timm,
    /// `efficientnet_pytorch` and `efficientnet_lite_pytorch`.
    EfficientNetPytorch,
    /// `keras.applications`, by the names of layers: `.h5`.
    Keras,
    /// The same, by the numbers of layers: Keras 3's `.weights.h5` and `.keras`.
    KerasLayers,
    /// This project's model files.
    Kiln,
}

impl Scheme {
    /// Every scheme of other libraries.
    pub const OTHERS: [Scheme; 5] = [
        Scheme::Torchvision,
        Scheme::Timm,
        Scheme::EfficientNetPytorch,
        Scheme::Keras,
        Scheme::KerasLayers,
    ];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Torchvision => "torchvision",
            Scheme::Timm => "timm",
            Scheme::EfficientNetPytorch => "efficientnet_pytorch",
            Scheme::Keras | Scheme::KerasLayers => "Keras",
            Scheme::Kiln => "Kiln",
        }
    }
}

/// The name of one module in each scheme that has the net.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: Vec<(Scheme, String)>,
    /// `[height, width, channels]` of the image whose flattened values a fully connected layer takes.
    pub flattened: Option<[usize; 3]>,
    /// Whether Keras numbers it before the module of its class that comes before it here: a shortcut's, which Keras makes
    /// before the block's last.
    pub is_before_last: bool,
    /// Whether it is a normalisation behind a convolution that has a bias in Keras.
    pub is_behind_bias: bool,
}

impl Names {
    /// The same name in torchvision and timm.
    pub fn torch(name: impl Into<String>) -> Names {
        let name = name.into();
        Names::default()
            .and(Scheme::Torchvision, name.clone())
            .and(Scheme::Timm, name)
    }

    /// With the name in one more scheme.
    #[must_use]
    pub fn and(mut self, scheme: Scheme, name: impl Into<String>) -> Names {
        self.names.push((scheme, name.into()));
        self
    }

    /// The same of a module that Keras numbers before the one of its class before it.
    #[must_use]
    pub fn before_last(self) -> Names {
        Names {
            is_before_last: true,
            ..self
        }
    }

    /// The same of a normalisation behind a convolution that has a bias in Keras.
    #[must_use]
    pub fn behind_bias(self) -> Names {
        Names {
            is_behind_bias: true,
            ..self
        }
    }

    /// The name in a scheme; `None` where the net is not in it.
    pub fn get(&self, scheme: Scheme) -> Option<&str> {
        let mut names = self.names.iter();
        let found = names.find(|(of, _)| *of == scheme);
        found.map(|(_, name)| name.as_str())
    }
}
