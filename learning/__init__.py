"""How the model is made from outcomes: history, training, calibration, gates, drift, rollout."""
