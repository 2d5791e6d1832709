#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Secrets that a process was started with, and that `ps` and `/proc` would show as long as it runs.
public enum ProcessSecrets {
  /// Overwrites the values of flags, as other users of the machine see them, and of environment variables, as other
  /// processes of the same user do. What this process has read of them it keeps; what it starts later inherits the
  /// variables overwritten.
  ///
  /// For a moment at the start they were there to be seen: flags are no place for secrets. On Linux only; elsewhere
  /// nothing happens.
  ///
  /// - Parameters:
  ///   - flags: With their dashes; both `--flag VALUE` and `--flag=VALUE` are found.
  ///   - variables: The names of environment variables.
  public static func hide(flags: Set<String> = [], variables: Set<String> = []) {
    #if os(Linux)
      guard let areas = Areas() else { return }
      // Only strings that are where the kernel put them, each ended by a NUL.
      var followsFlag = false
      areas.arguments.forEachString { text in
        if followsFlag {
          text.overwrite(from: 0)
          followsFlag = false
        } else if let (name, value) = text.split(), flags.contains(name) {
          text.overwrite(from: value)
        } else {
          followsFlag = flags.contains(text.text)
        }
      }
      areas.environment.forEachString { text in
        if let (name, value) = text.split(), variables.contains(name) { text.overwrite(from: value) }
      }
    #endif
  }
}

#if os(Linux)
  /// Where the kernel has put the arguments and the environment of this process.
  private struct Areas {
    let arguments: Area
    let environment: Area

    /// nil when the kernel does not tell.
    init?() {
      guard let file = fopen("/proc/self/stat", "r") else { return nil }
      defer { fclose(file) }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = fread(&buffer, 1, buffer.count, file)
      let text = String(decoding: buffer[..<count], as: UTF8.self)
      // The second field, the program's name, may contain spaces and brackets; the third comes after the last bracket.
      guard let bracket = text.lastIndex(of: ")") else { return nil }
      let fields = text[text.index(after: bracket)...].split(separator: " ").map { UInt(String($0)) ?? 0 }
      // proc(5): arg_start, arg_end, env_start and env_end are the fields 48 to 51.
      guard fields.count > 48, let arguments = Area(from: fields[45], to: fields[46]),
        let environment = Area(from: fields[47], to: fields[48])
      else { return nil }
      self.arguments = arguments
      self.environment = environment
    }
  }

  private struct Area {
    let start: UnsafeMutablePointer<UInt8>
    let count: Int

    init?(from start: UInt, to end: UInt) {
      guard let pointer = UnsafeMutablePointer<UInt8>(bitPattern: start), end > start else { return nil }
      self.start = pointer
      count = Int(end - start)
    }

    func forEachString(_ body: (AreaString) -> Void) {
      var position = 0
      while position < count {
        var length = 0
        while position + length < count, start[position + length] != 0 { length += 1 }
        body(AreaString(bytes: UnsafeMutableBufferPointer(start: start + position, count: length)))
        position += length + 1
      }
    }
  }

  private struct AreaString {
    let bytes: UnsafeMutableBufferPointer<UInt8>

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// What stands before the first `=`, and where what stands after it begins.
    func split() -> (name: String, value: Int)? {
      guard let sign = bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      return (String(decoding: bytes[..<sign], as: UTF8.self), sign + 1)
    }

    func overwrite(from position: Int) {
      for index in position..<bytes.count { bytes[index] = UInt8(ascii: "x") }
    }
  }
#endif
