/// The version of all parts, which are released together; CHANGELOG.md tells what is in it.
public enum BatonVersion {
  public static let current = "0.1.0"
}
