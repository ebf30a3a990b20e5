//! Networks: which addresses count as one client.

use std::net::{IpAddr, Ipv6Addr};

/// The network that counts as one client: an IPv4 address, or an IPv6 /64, which is what one client has at least.
pub(crate) fn of_client(address: IpAddr) -> IpAddr {
    masked(address, 64)
}

/// The IPv6 /48 around an address, which is what one site can have at most; an IPv4 address itself.
pub(crate) fn of_site(address: IpAddr) -> IpAddr {
    masked(address, 48)
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let host = 128 - prefix;
            IpAddr::V6(Ipv6Addr::from(u128::from(address) >> host << host))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_network_is_one_client() {
        let of = |text: &str| of_client(address(text)).to_string();
        assert_eq!(of("2001:db8:1:2:aaaa::1"), of("2001:db8:1:2:bbbb::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        let site = |text: &str| of_site(address(text)).to_string();
        assert_eq!(site("2001:db8:1:2::1"), site("2001:db8:1:3::1"));
        assert_ne!(site("2001:db8:1:2::1"), site("2001:db8:2:2::1"));
        assert_eq!(site("192.0.2.1"), "192.0.2.1");
    }
}
