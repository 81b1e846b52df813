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
    /// `keras.applications`.
    Keras,
    /// This project's model files.
    Kiln,
}

impl Scheme {
    /// Every scheme of other libraries.
    pub const OTHERS: [Scheme; 4] = [
        Scheme::Torchvision,
        Scheme::Timm,
        Scheme::EfficientNetPytorch,
        Scheme::Keras,
    ];

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Torchvision => "torchvision",
            Scheme::Timm => "timm",
            Scheme::EfficientNetPytorch => "efficientnet_pytorch",
            Scheme::Keras => "Keras",
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

    /// The name in a scheme; `None` where the net is not in it.
    pub fn get(&self, scheme: Scheme) -> Option<&str> {
        let mut names = self.names.iter();
        let found = names.find(|(of, _)| *of == scheme);
        found.map(|(_, name)| name.as_str())
    }
}
