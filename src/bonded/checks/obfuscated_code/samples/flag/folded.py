𝐩𝐫𝐢𝐧𝐭("hello")
