//! Where a model server is, and which protocol it speaks.
//!
//! Text in, parts out. Must not ask anybody, not even for the number of a name.

use core::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Which protocol a model's server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelApi {
    /// Ollama.
    Ollama,
    /// llama-server of llama.cpp, with one model or as a router.
    LlamaServer,
    /// LM Studio.
    #[serde(rename = "lmstudio")]
    LmStudio,
    /// Any other that lists its models as OpenAI does.
    #[default]
    #[serde(rename = "openai")]
    OpenAi,
}

impl ModelApi {
    /// Returns where such a server listens if nobody says otherwise (their own documentation).
    #[must_use]
    pub const fn usual_url(self) -> Option<&'static str> {
        match self {
            Self::Ollama => Some("http://127.0.0.1:11434"),
            Self::LlamaServer => Some("http://127.0.0.1:8080"),
            Self::LmStudio => Some("http://127.0.0.1:1234"),
            Self::OpenAi => None,
        }
    }
}

/// A place that is asked over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Whether the connection would be encrypted.
    pub tls: bool,
    /// Name or number, an IPv6 one without its brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What stands before every path; empty, or `/…` without a slash at its end.
    pub path: String,
}

impl Address {
    /// Reads a URL; none where it is no `http` or `https` one with a host, or holds what no such URL may.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (tls, rest) = match url.strip_prefix("http://") {
            Some(rest) => (false, rest),
            None => (true, url.strip_prefix("https://")?),
        };
        let bad = |c: char| !c.is_ascii_graphic() || "\"'\\`<>@?#{}|^".contains(c);
        if rest.contains(bad) || url.len() > 512 {
            return None;
        }
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match place.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (
                    host,
                    (!port.is_empty()).then(|| port.strip_prefix(':')).flatten(),
                )
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None if tls => 443,
            None => 80,
        };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        (!host.is_empty()).then(|| Self {
            tls,
            host: host.to_ascii_lowercase(),
            port,
            path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether it is this machine by its loopback address; another name for it is not known to be this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || (self.host.parse::<IpAddr>()).is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Option<(bool, String, u16, String)> {
        Address::parse(url).map(|a| (a.tls, a.host, a.port, a.path))
    }

    #[test]
    fn urls_say_host_port_and_path() {
        let is =
            |tls, host: &str, port, path: &str| Some((tls, host.to_owned(), port, path.to_owned()));
        assert_eq!(
            at("http://127.0.0.1:11434"),
            is(false, "127.0.0.1", 11434, "")
        );
        assert_eq!(at("http://LocalHost/"), is(false, "localhost", 80, ""));
        assert_eq!(
            at("https://big.example/x/v1/"),
            is(true, "big.example", 443, "/x")
        );
        assert_eq!(at("http://[::1]:8080/v1"), is(false, "::1", 8080, ""));
        for bad in [
            "",
            "http://",
            "http://:80",
            "ftp://x",
            "http://a b",
            "http://a:0",
            "http://a:70000",
            "http://u@h",
            "http://[::1",
            "http://[x]:1",
            "http://a\"b",
            "http://a?x",
            "http://a\nb",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_the_loopback_address_is_this_machine() {
        let local = |url: &str| Address::parse(url).unwrap().is_loopback();
        assert!(local("http://127.0.0.1:1") && local("http://127.8.8.8:1"));
        assert!(local("http://localhost:1") && local("http://[::1]:1"));
        assert!(!local("http://10.0.0.2:1") && !local("http://localhost.evil:1"));
    }
}
