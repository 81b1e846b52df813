//! The values of a pickle, in one array in which they name one another by number.

use super::fault::PickleFault;

/// The most values of a pickle.
pub const MAX_VALUES: usize = 1 << 22;

/// The number of a value in its [`Heap`].
pub type Id = u32;

/// A value of Python as data.
#[derive(Debug)]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number; one of more than 128 bits is [`Value::Opaque`].
    Int(i128),
    /// A text.
    Text(Box<str>),
    /// What is of no use here: floats, bytes, sets, large numbers.
    Opaque,
    /// A tuple.
    Tuple(Vec<Id>),
    /// A list.
    List(Vec<Id>),
    /// A dictionary in the order in which its entries were set; a later entry of the same key counts.
    Dict(Vec<(Id, Id)>),
    /// The name of a class or function.
    Global(Box<Global>),
    /// What a class or function would have made.
    Object(Box<Object>),
    /// What the program that wrote the pickle keeps outside of it: in PyTorch, a storage.
    Persistent(Id),
}

/// The name of a class or function.
#[derive(Debug, PartialEq, Eq)]
pub struct Global {
    /// Its module, as `torch._utils`.
    pub module: String,
    /// Its name there.
    pub name: String,
}

/// What a class or function would have made, as it was called.
#[derive(Debug)]
pub struct Object {
    /// The class or function, in general a [`Global`].
    pub class: Id,
    /// The arguments, in general a tuple.
    pub args: Id,
    /// What was set as its state, in general the dictionary of its attributes.
    pub state: Option<Id>,
    /// Entries that were set as those of a dictionary.
    pub entries: Vec<(Id, Id)>,
}

/// The values of one or more pickles.
#[derive(Debug, Default)]
pub struct Heap {
    values: Vec<Value>,
}

impl Heap {
    /// Keeps a value.
    ///
    /// # Errors
    /// More than [`MAX_VALUES`].
    pub fn add(&mut self, value: Value) -> Result<Id, PickleFault> {
        if self.values.len() >= MAX_VALUES {
            return Err(PickleFault::TooMany(MAX_VALUES));
        }
        self.values.push(value);
        Ok(self.values.len() as Id - 1)
    }

    /// The numbers of all values, the first that was made first.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        0..self.values.len() as Id
    }

    /// The value of that number, which this heap gave.
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    /// See [`Heap::get`].
    pub fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.values[id as usize]
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub fn size(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// What a tuple or list holds, also an object that is made of one, as `torch.Size`.
    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            Value::Object(object) => match self.get(object.args) {
                Value::Tuple(args) => match args[..] {
                    [inner] => match self.get(inner) {
                        Value::Tuple(items) | Value::List(items) => Some(items),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// The entries of a dictionary, also of an `OrderedDict` and the like.
    pub fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.get(id) {
            Value::Dict(entries) => Some(entries),
            Value::Object(object) if !object.entries.is_empty() => Some(&object.entries),
            _ => None,
        }
    }

    /// What a dictionary has under a key.
    pub fn entry(&self, id: Id, key: &str) -> Option<Id> {
        let entries = self.entries(id)?.iter().rev();
        let mut found = entries.filter(|(name, _)| self.text(*name) == Some(key));
        found.next().map(|(_, value)| *value)
    }

    /// Module and name of a class or function; also where the pickle names it with its source code beside it, as
    /// PyTorch did before 1.6 (`('module', class, file, source)`).
    pub fn global(&self, id: Id) -> Option<(&str, &str)> {
        let class = match self.get(id) {
            Value::Persistent(id) => *self.items(*id)?.get(1)?,
            _ => id,
        };
        match self.get(class) {
            Value::Global(global) => Some((&global.module, &global.name)),
            _ => None,
        }
    }
}
