import Foundation

/// A JSON value whose strings are compared byte by byte: Swift's own comparison treats `é` and `e´` as equal,
/// and a file system may not.
enum JSON: Decodable, Equatable, CustomStringConvertible {
    case null
    case flag(Bool)
    case number(Int64)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Int64.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    /// A string or `null`.
    init(_ text: String?) {
        self = text.map(JSON.text) ?? .null
    }

    /// Strings sorted by their bytes.
    static func sorted(_ texts: [String]) -> JSON {
        .list(texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map(JSON.text))
    }

    static func == (one: JSON, other: JSON) -> Bool {
        switch (one, other) {
        case (.null, .null): true
        case let (.flag(one), .flag(other)): one == other
        case let (.number(one), .number(other)): one == other
        case let (.text(one), .text(other)): one.utf8.elementsEqual(other.utf8)
        case let (.list(one), .list(other)): one == other
        case let (.object(one), .object(other)): one == other
        default: false
        }
    }

    /// Whether `found` matches this expected value: of an object only the named members are compared.
    func agrees(with found: JSON) -> Bool {
        switch (self, found) {
        case let (.object(expected), .object(found)):
            expected.allSatisfy { key, value in found[key].map(value.agrees) ?? false }
        case let (.list(expected), .list(found)):
            expected.count == found.count && zip(expected, found).allSatisfy { $0.agrees(with: $1) }
        default:
            self == found
        }
    }

    var description: String {
        switch self {
        case .null: "null"
        case let .flag(flag): "\(flag)"
        case let .number(number): "\(number)"
        case let .text(text): "\"\(text)\""
        case let .list(list): "[\(list.map(\.description).joined(separator: ", "))]"
        case let .object(members):
            "{\(members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
        }
    }
}

/// A case that does not follow the README.
struct InvalidCase: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The arguments of a step. An argument that no operation reads is an error in the case.
final class Arguments {
    private let step: [String: JSON]
    private var used: Set<String> = ["do", "expect", "error", "reason", "why"]

    init(_ step: JSON) throws {
        guard case let .object(members) = step else { throw InvalidCase("a step is an object") }
        self.step = members
    }

    var operation: String {
        get throws {
            guard case let .text(name) = step["do"] else { throw InvalidCase("\"do\" is missing") }
            return name
        }
    }

    var expected: JSON? { step["expect"] }

    var error: JSON? { step["error"] }

    /// The text that the message of that error must contain.
    var reason: String {
        guard case let .text(reason)? = step["reason"] else { return "" }
        return "(\(reason))"
    }

    func value(_ key: String) -> JSON? {
        used.insert(key)
        return step[key]
    }

    func text(_ key: String) throws -> String {
        guard let text = try optional(key) else { throw InvalidCase("\(key) is missing") }
        return text
    }

    func optional(_ key: String) throws -> String? {
        switch value(key) {
        case nil: return nil
        case let .text(text): return text
        default: throw InvalidCase("\(key) is not a string")
        }
    }

    func number(_ key: String) throws -> Int64? {
        switch value(key) {
        case nil: return nil
        case let .number(number): return number
        default: throw InvalidCase("\(key) is not a number")
        }
    }

    func flag(_ key: String) throws -> Bool? {
        switch value(key) {
        case nil: return nil
        case let .flag(flag): return flag
        default: throw InvalidCase("\(key) is not a boolean")
        }
    }

    func list(_ key: String) throws -> [JSON]? {
        switch value(key) {
        case nil: return nil
        case let .list(list): return list
        default: throw InvalidCase("\(key) is not an array")
        }
    }

    func requireAllUsed() throws {
        let unknown = Set(step.keys).subtracting(used)
        guard unknown.isEmpty else { throw InvalidCase("unknown arguments \(unknown.sorted())") }
    }
}
