extension ConfigReader {
    /// The `http` or `https` URL `name`, checked for its form alone; the egress guard decides about its host.
    mutating func httpURL(_ name: String, maximum: Int) -> String? {
        guard let url = text(name) else {
            if !problems.contains(where: { $0.field == name }) { refuse(name, "is required") }
            return nil
        }
        guard url.utf8.count <= maximum else {
            refuse(name, "is longer than \(maximum)")
            return nil
        }
        guard !url.contains("{{") else {
            refuse(name, "cannot hold variables: a destination is one address")
            return nil
        }
        let lower = url.lowercased()
        guard let scheme = ["https://", "http://"].first(where: { lower.hasPrefix($0) }) else {
            refuse(name, "must begin with https:// or http://")
            return nil
        }
        let rest = url.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, url.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            refuse(name, "is not a URL")
            return nil
        }
        guard !authority.contains("@") else {
            refuse(name, "cannot hold a user name or password")
            return nil
        }
        guard !rest.contains("#") else {
            refuse(name, "cannot hold a fragment")
            return nil
        }
        return url
    }
}
