//! The tensors of a saved object with their names: of a state dictionary, of one under a usual key of a checkpoint,
//! or of a whole net (`nn.Module`), whose attributes are read as data.

use std::collections::HashSet;

use super::super::error::{ImportFault, shown_name};
use super::super::pickle::value::{Heap, Id, Value};
use super::super::tensor::MAX_NAME;
use super::super::unread::Unread;
use super::view::{View, read_view};

/// Keys of checkpoints under which the state dictionary lies, the first that is there counts; averages of weights
/// (EMA) come last.
const USUAL_KEYS: [&str; 12] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "state_dict_ema",
    "model_ema",
    "ema",
];
/// Checkpoints within checkpoints that are followed.
const MAX_DEPTH: usize = 4;
/// The most tensors of a file.
const MAX_TENSORS: usize = 1 << 16;
/// The most attributes of a net and of the parts in it, those of a part that is shared counted each time.
const MAX_ENTRIES: usize = 1 << 20;
/// Parts of a net within parts.
const MAX_MODULE_DEPTH: usize = 64;
/// Keys that an error lists.
const MAX_KEYS: usize = 12;

/// A tensor or why it is not read, by name.
type Named = Vec<(String, Result<View, Unread>)>;

/// Whether there is a tensor, read or not.
fn has_tensors(tensors: &Named) -> bool {
    let is_tensor = |view: &Result<View, Unread>| !matches!(view, Err(Unread::Object(_)));
    tensors.iter().any(|(_, view)| is_tensor(view))
}

/// See the module.
pub struct State {
    /// The tensors, in the order of the file.
    pub tensors: Named,
    /// The keys that lead to them, with dots.
    pub section: Option<String>,
}

/// Finds the tensors of a saved object.
///
/// # Errors
/// None that can be found, and what is there in their place.
pub fn find(heap: &Heap, root: Id) -> Result<State, ImportFault> {
    let mut keys = Vec::new();
    let mut seen = HashSet::new();
    let Some(tensors) = search(heap, root, MAX_DEPTH, &mut keys, &mut seen)? else {
        return Err(ImportFault::NoTensors(what_is_there(heap, root)));
    };
    Ok(State {
        tensors,
        section: (!keys.is_empty()).then(|| keys.join(".")),
    })
}

/// The tensors of a dictionary or net, or of what it holds; `keys` is the way to them. Nothing is looked at twice,
/// so that dictionaries that share their parts do not multiply.
fn search(
    heap: &Heap,
    id: Id,
    depth: usize,
    keys: &mut Vec<String>,
    seen: &mut HashSet<Id>,
) -> Result<Option<Named>, ImportFault> {
    if !seen.insert(id) {
        return Ok(None);
    }
    if let Some(tensors) = module_tensors(heap, id)? {
        return Ok(Some(tensors));
    }
    let Some(entries) = heap.entries(id) else {
        return Ok(None);
    };
    if depth > 0 {
        for key in USUAL_KEYS {
            let Some(inner) = heap.entry(id, key) else {
                continue;
            };
            keys.push(key.to_string());
            if let Some(found) = search(heap, inner, depth - 1, keys, seen)? {
                return Ok(Some(found));
            }
            keys.pop();
        }
    }
    let own = dictionary_tensors(heap, entries)?;
    if has_tensors(&own) {
        return Ok(Some(own));
    }
    let mut inner = Vec::new();
    for (key, value) in entries {
        if let (Some(key), Some(entries)) = (heap.text(*key), heap.entries(*value))
            && seen.insert(*value)
        {
            let tensors = dictionary_tensors(heap, entries)?;
            if has_tensors(&tensors) {
                inner.push((key, tensors));
            }
        }
    }
    match inner.len() {
        1 => Ok(inner.pop().map(|(key, tensors)| {
            keys.push(key.to_string());
            tensors
        })),
        _ => Ok(None),
    }
}

fn too_many() -> ImportFault {
    ImportFault::NoTensors(format!("it names more than {MAX_TENSORS} tensors"))
}

fn require_short(name_len: usize) -> Result<(), ImportFault> {
    match name_len <= MAX_NAME {
        true => Ok(()),
        false => Err(ImportFault::NoTensors(format!(
            "the name of one of its tensors has more than {MAX_NAME} bytes"
        ))),
    }
}

/// The tensors of a dictionary; what is neither a tensor nor an object that may be one is left out.
fn dictionary_tensors(heap: &Heap, entries: &[(Id, Id)]) -> Result<Named, ImportFault> {
    let mut tensors: Named = Vec::new();
    for (key, value) in entries {
        let Some(name) = heap.text(*key) else {
            continue;
        };
        let view = match read_view(heap, *value) {
            Ok(Some(view)) => Ok(view),
            Ok(None) => match object_name(heap, *value) {
                Some(class) => Err(Unread::Object(class)),
                None => continue,
            },
            Err(why) => Err(why),
        };
        if tensors.len() >= MAX_TENSORS {
            return Err(too_many());
        }
        require_short(name.len())?;
        tensors.push((name.to_string(), view));
    }
    Ok(tensors)
}

/// The class of an object that is no dictionary.
fn object_name(heap: &Heap, id: Id) -> Option<String> {
    let Value::Object(object) = heap.get(id) else {
        return None;
    };
    let (module, name) = heap.global(object.class)?;
    let is_dictionary = module == "collections" || !object.entries.is_empty();
    (!is_dictionary).then(|| shown_name(&format!("{module}.{name}")))
}

/// A part of a net: its attributes, in which parameters and parts lie.
enum Module<'a> {
    /// An `nn.Module`: parameters, buffers, and the modules that it holds.
    Python([&'a [(Id, Id)]; 3]),
    /// A module of TorchScript: all of them in one dictionary, with settings among them.
    Script(&'a [(Id, Id)]),
}

impl Module<'_> {
    fn read(heap: &Heap, id: Id) -> Option<Module<'_>> {
        let Value::Object(object) = heap.get(id) else {
            return None;
        };
        let (module, _) = heap.global(object.class)?;
        let state = object.state?;
        let attributes = match heap.get(state) {
            Value::Tuple(parts) => *parts.first()?, // attributes and slots
            _ => state,
        };
        if module.starts_with("__torch__") {
            return heap.entries(attributes).map(Module::Script);
        }
        let entries = |key: &str| {
            let entries = heap.entry(attributes, key)?;
            Some(heap.entries(entries).unwrap_or_default())
        };
        Some(Module::Python([
            entries("_parameters")?,
            entries("_buffers").unwrap_or_default(),
            entries("_modules")?,
        ]))
    }

    /// Its own tensors.
    fn tensors(&self, heap: &Heap) -> Result<Named, ImportFault> {
        match self {
            Module::Python([parameters, buffers, _]) => {
                let mut all = dictionary_tensors(heap, parameters)?;
                all.extend(dictionary_tensors(heap, buffers)?);
                Ok(all)
            }
            Module::Script(attributes) => {
                let mut all = dictionary_tensors(heap, attributes)?;
                all.retain(|(_, view)| view.is_ok());
                Ok(all)
            }
        }
    }

    /// How many tensors, modules and settings it has.
    fn len(&self) -> usize {
        match self {
            Module::Python(parts) => parts.iter().map(|part| part.len()).sum(),
            Module::Script(attributes) => attributes.len(),
        }
    }

    /// The modules that it holds, and what else lies beside them.
    fn inner(&self) -> &[(Id, Id)] {
        match self {
            Module::Python([_, _, modules]) => modules,
            Module::Script(attributes) => attributes,
        }
    }
}

/// Parameters and buffers of a net, named as its `state_dict()` would name them; `None` where `id` is no net.
fn module_tensors(heap: &Heap, id: Id) -> Result<Option<Named>, ImportFault> {
    let Some(root) = Module::read(heap, id) else {
        return Ok(None);
    };
    let mut tensors: Named = Vec::new();
    let mut entries = 0;
    let mut open = vec![(String::new(), root, 0)];
    while let Some((prefix, module, depth)) = open.pop() {
        entries += 1 + module.len();
        if entries > MAX_ENTRIES || depth > MAX_MODULE_DEPTH {
            return Err(ImportFault::NoTensors(
                "its net has more parts than any net has".into(),
            ));
        }
        for (name, view) in module.tensors(heap)? {
            if tensors.len() >= MAX_TENSORS {
                return Err(too_many());
            }
            require_short(prefix.len() + name.len())?;
            tensors.push((format!("{prefix}{name}"), view));
        }
        for (name, inner) in module.inner().iter().rev() {
            if let (Some(name), Some(inner)) = (heap.text(*name), Module::read(heap, *inner)) {
                require_short(prefix.len() + name.len())?;
                open.push((format!("{prefix}{name}."), inner, depth + 1));
            }
        }
    }
    Ok(Some(tensors))
}

fn what_is_there(heap: &Heap, root: Id) -> String {
    const REMEDY: &str = "save the tensors alone: torch.save(model.state_dict(), path)";
    if let Some(class) = object_name(heap, root) {
        return format!(
            "it holds an object of the class {class}, whose tensors cannot be found without running its code; {REMEDY}"
        );
    }
    let Some(entries) = heap.entries(root) else {
        return format!("it holds no dictionary of tensors; {REMEDY}");
    };
    let keys: Vec<String> = entries
        .iter()
        .filter_map(|(key, _)| heap.text(*key))
        .take(MAX_KEYS)
        .map(shown_name)
        .collect();
    format!(
        "it holds a dictionary without tensors, also under the usual keys; its keys are {}; {REMEDY}",
        keys.join(", ")
    )
}
