#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension SeededNumbers {
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
}
