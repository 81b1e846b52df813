//! The machine that a pickle is a program of: a stack, marks in it, and a memo of values to come back to.

use std::collections::HashMap;

use super::fault::{PickleError, PickleFault};
use super::input::Input;
use super::numbers::read_number;
use super::value::{Global, Heap, Id, MAX_VALUES, Object, Value};

/// Reads one pickle, to its last opcode; its value.
///
/// # Errors
/// A pickle that is cut, damaged or too large.
pub fn read_pickle(input: &mut Input, heap: &mut Heap) -> Result<Id, PickleError> {
    let mut machine = Machine {
        heap,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    machine.run(input).map_err(|fault| PickleError {
        at: input.used(),
        fault,
    })
}

/// What protocol 0 does to a storage; PyTorch cannot read it back either.
const NAMED_BY_TEXT: &str =
    "it names storages by texts; save it with a pickle_protocol of 2 or more";

struct Machine<'a> {
    heap: &'a mut Heap,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

type Done = Result<(), PickleFault>;

impl Machine<'_> {
    fn run(&mut self, input: &mut Input) -> Result<Id, PickleFault> {
        loop {
            match input.byte()? {
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' if self.marks.last() == Some(&self.stack.len()) => {
                    self.marks.pop();
                }
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_marked()?),
                b'2' => self.put(self.top()?)?,
                op @ (b'N' | b'I' | b'J' | b'K' | b'L' | b'M' | b'F' | b'G') => {
                    self.push(read_number(op, input)?)?;
                }
                op @ (0x88..=0x8b) => self.push(read_number(op, input)?)?,
                op @ (b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d) => self.text(op, input)?,
                op @ (b'B' | b'C' | 0x8e | 0x96) => self.skip_bytes(op, input)?,
                op @ (b'}' | b']' | b')' | b'l' | b'd' | b't' | 0x85..=0x87 | 0x8f | 0x91) => {
                    self.container(op)?;
                }
                op @ (b'a' | b'e' | b's' | b'u' | 0x90) => self.fill(op)?,
                op @ (b'c' | b'i' | 0x93) => self.global(op, input)?,
                op @ (b'o' | b'R' | 0x81 | 0x92) => self.object(op)?,
                b'b' => self.build()?,
                b'P' => return Err(PickleFault::Damaged(NAMED_BY_TEXT)),
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Value::Persistent(id))?;
                }
                op @ (b'p' | b'q' | b'r' | 0x94) => self.remember(op, input)?,
                op @ (b'g' | b'h' | b'j') => self.recall(op, input)?,
                0x80 if input.byte()? <= 5 => {}
                0x80 => return Err(PickleFault::Damaged("its protocol is later than 5")),
                0x95 => drop(input.array::<8>()?),
                0x98 => {} // marks a buffer as read-only
                op => return Err(PickleFault::Opcode(op)),
            }
            if self.marks.len() > MAX_VALUES {
                return Err(PickleFault::TooMany(MAX_VALUES));
            }
        }
    }

    fn push(&mut self, value: Value) -> Done {
        let id = self.heap.add(value)?;
        self.put(id)
    }

    fn put(&mut self, id: Id) -> Done {
        if self.stack.len() >= MAX_VALUES {
            return Err(PickleFault::TooMany(MAX_VALUES));
        }
        self.stack.push(id);
        Ok(())
    }

    fn top(&self) -> Result<Id, PickleFault> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let own = self.stack.get(floor..).unwrap_or_default();
        let empty = PickleFault::Damaged("it takes a value where there is none");
        own.last().copied().ok_or(empty)
    }

    fn pop(&mut self) -> Result<Id, PickleFault> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_marked(&mut self) -> Result<Vec<Id>, PickleFault> {
        let mark = self
            .marks
            .pop()
            .filter(|mark| *mark <= self.stack.len())
            .ok_or(PickleFault::Damaged("a mark is missing"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_many(&mut self, count: usize) -> Result<Vec<Id>, PickleFault> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        Ok(items)
    }

    fn text(&mut self, op: u8, input: &mut Input) -> Done {
        let bytes = match op {
            b'S' | b'V' => input.line()?,
            b'U' | 0x8c => {
                let len = input.byte()?;
                input.bytes(len.into())?
            }
            0x8d => {
                let len = u64::from_le_bytes(input.array()?);
                input.bytes(len)?
            }
            _ => {
                let len = u32::from_le_bytes(input.array()?);
                input.bytes(len.into())?
            }
        };
        let text = String::from_utf8_lossy(&bytes);
        let text = match op {
            b'S' => text.trim_matches(['\'', '"']), // as Python's repr
            _ => &text,
        };
        self.push(Value::Text(text.into()))
    }

    fn skip_bytes(&mut self, op: u8, input: &mut Input) -> Done {
        let len = match op {
            b'B' => u32::from_le_bytes(input.array()?).into(),
            b'C' => input.byte()?.into(),
            _ => u64::from_le_bytes(input.array()?),
        };
        input.bytes(len)?;
        self.push(Value::Opaque)
    }

    fn container(&mut self, op: u8) -> Done {
        let value = match op {
            b'}' => Value::Dict(Vec::new()),
            b']' => Value::List(Vec::new()),
            b')' => Value::Tuple(Vec::new()),
            b'l' => Value::List(self.pop_marked()?),
            b't' => Value::Tuple(self.pop_marked()?),
            b'd' => Value::Dict(pairs(&self.pop_marked()?)?),
            0x85..=0x87 => Value::Tuple(self.pop_many(usize::from(op - 0x84))?),
            0x91 => {
                self.pop_marked()?;
                Value::Opaque
            }
            _ => Value::Opaque, // an empty set
        };
        self.push(value)
    }

    /// Adds to a list, dictionary or set; what is added to an object as to a list is of no use here.
    fn fill(&mut self, op: u8) -> Done {
        let added = match op {
            b'a' => self.pop_many(1)?,
            b's' => self.pop_many(2)?,
            _ => self.pop_marked()?,
        };
        let target = self.top()?;
        let as_entries = matches!(op, b's' | b'u');
        match self.heap.get_mut(target) {
            Value::List(items) if !as_entries => items.extend(added),
            Value::Dict(entries) if as_entries => entries.extend(pairs(&added)?),
            Value::Object(object) if as_entries => object.entries.extend(pairs(&added)?),
            Value::Object(_) | Value::Opaque => {}
            _ => return Err(PickleFault::Damaged("it adds to what holds nothing")),
        }
        Ok(())
    }

    fn global(&mut self, op: u8, input: &mut Input) -> Done {
        let lossy = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (module, name) = match op {
            0x93 => {
                let names = self.pop_many(2)?;
                let name = |at: usize| self.heap.text(names[at]).map(str::to_string);
                name(0)
                    .zip(name(1))
                    .ok_or(PickleFault::Damaged("a class is named by what is no text"))?
            }
            _ => (lossy(input.line()?), lossy(input.line()?)),
        };
        self.push(Value::Global(Box::new(Global { module, name })))?;
        if op != b'i' {
            return Ok(());
        }
        let class = self.pop()?;
        let args = self.pop_marked()?;
        let args = self.heap.add(Value::Tuple(args))?;
        self.make(class, args)
    }

    /// What a call would make, as data.
    fn object(&mut self, op: u8) -> Done {
        let (class, args) = match op {
            b'o' => {
                let mut args = self.pop_marked()?;
                if args.is_empty() {
                    return Err(PickleFault::Damaged("an object has no class"));
                }
                let class = args.remove(0);
                (class, self.heap.add(Value::Tuple(args))?)
            }
            0x92 => {
                let parts = self.pop_many(3)?; // class, arguments, arguments by name
                (parts[0], parts[1])
            }
            _ => {
                let parts = self.pop_many(2)?;
                (parts[0], parts[1])
            }
        };
        self.make(class, args)
    }

    fn make(&mut self, class: Id, args: Id) -> Done {
        self.push(Value::Object(Box::new(Object {
            class,
            args,
            state: None,
            entries: Vec::new(),
        })))
    }

    fn build(&mut self) -> Done {
        let state = self.pop()?;
        let target = self.top()?;
        if let Value::Object(object) = self.heap.get_mut(target) {
            object.state = Some(state);
        }
        Ok(())
    }

    fn remember(&mut self, op: u8, input: &mut Input) -> Done {
        let key = match op {
            0x94 => self.memo.len() as u32,
            op => key(op, input)?,
        };
        if self.memo.len() >= MAX_VALUES {
            return Err(PickleFault::TooMany(MAX_VALUES));
        }
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn recall(&mut self, op: u8, input: &mut Input) -> Done {
        let key = key(op, input)?;
        let missing = PickleFault::Damaged("it takes a value from the memo that is not there");
        self.put(*self.memo.get(&key).ok_or(missing)?)
    }
}

/// The number of a value in the memo.
fn key(op: u8, input: &mut Input) -> Result<u32, PickleFault> {
    Ok(match op {
        b'q' | b'h' => input.byte()?.into(),
        b'r' | b'j' => u32::from_le_bytes(input.array()?),
        _ => {
            let line = input.line()?;
            let digits = std::str::from_utf8(&line).ok();
            let number = digits.and_then(|digits| digits.parse().ok());
            number.ok_or(PickleFault::Damaged("a place in the memo is no number"))?
        }
    })
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, PickleFault> {
    let (pairs, rest) = items.as_chunks::<2>();
    match rest.is_empty() {
        true => Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect()),
        false => Err(PickleFault::Damaged("a key has no value")),
    }
}
