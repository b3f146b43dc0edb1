rule beacon {
  meta:
    name = "beacon-words"
    sentence = "The package names a beacon."
    severity = "medium"
    confidence = "0.6"
  strings:
    $address = "beacon.example.invalid"
  condition:
    $address
}
