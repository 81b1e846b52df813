//! A server of HTTP on loopback, as simple as it can be: one answer a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path of the address.
    pub path: String,
    /// The first byte of the range, where one was asked for.
    pub from: Option<usize>,
}

/// What is answered.
pub struct Reply {
    /// The status and its words.
    pub status: &'static str,
    /// Lines of the header; without `Content-Length` the connection's end is the body's.
    pub headers: Vec<String>,
    /// What is sent, which may be less than was announced.
    pub body: Vec<u8>,
}

impl Reply {
    /// A status without a body.
    pub fn status(status: &'static str) -> Reply {
        Reply {
            status,
            headers: vec!["Content-Length: 0".into()],
            body: Vec::new(),
        }
    }

    /// The whole file.
    pub fn whole(file: &[u8]) -> Reply {
        Reply {
            status: "200 OK",
            headers: vec![format!("Content-Length: {}", file.len())],
            body: file.to_vec(),
        }
    }

    /// What is asked for: the whole file, or the rest of it.
    pub fn file(file: &[u8], request: &Request) -> Reply {
        let len = file.len();
        match request.from {
            None => Reply::whole(file),
            Some(from) if from < len => Reply {
                status: "206 Partial Content",
                headers: vec![
                    format!("Content-Length: {}", len - from),
                    format!("Content-Range: bytes {from}-{}/{len}", len - 1),
                ],
                body: file[from..].to_vec(),
            },
            Some(_) => Reply {
                status: "416 Range Not Satisfiable",
                headers: vec![
                    "Content-Length: 0".into(),
                    format!("Content-Range: bytes */{len}"),
                ],
                body: Vec::new(),
            },
        }
    }

    /// The same, broken off after so many bytes.
    pub fn cut(mut self, len: usize) -> Reply {
        self.body.truncate(len);
        self
    }
}

/// A running server.
pub struct Server {
    /// Its address, `http://127.0.0.1:PORT`.
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts one; `answer` gets each request and how many came before it.
    pub fn start(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(request) = read(&stream) {
                    let mut seen = seen.lock().unwrap();
                    let reply = answer(&request, seen.len());
                    seen.push(request);
                    let _ = send(stream, &reply); // the client may have had enough
                }
            }
        });
        Server { url, requests }
    }

    /// What was asked for so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.to_string();
    let mut from = None;
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        let range = line.to_lowercase();
        if let Some(range) = range.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    Some(Request { path, from })
}

fn send(mut stream: TcpStream, reply: &Reply) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {}\r\n", reply.status)?;
    for header in &reply.headers {
        write!(stream, "{header}\r\n")?;
    }
    stream.write_all(b"Connection: close\r\n\r\n")?;
    stream.write_all(&reply.body)?;
    stream.flush()
}
