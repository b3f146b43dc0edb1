σ = 1.0
Δt = 2.0
σ_x = σ * Δt
名前 = "Привет, Pythonский мир"
RIGHT_TO_LEFT = "⁧שלום⁩"
print(名前, σ_x)
