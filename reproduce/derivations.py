"""The derivations of Tasks 1a, 1b and 4a, for the report.

docs/derivations.md has them at length, with the theory around them.
"""

from __future__ import annotations

DERIVATIONS = {  # {task: paragraphs, and equations $mathtext$ with the assignment's number}
    "1a": (
        "The cost C is the mean of the costs Cⁿ of the examples, so it is enough to differentiate "
        "the cost of one example. The index n of its inputs xᵢ, target y and output ŷ is left out "
        "below. The output of the model is",
        r"$\hat y = f(z) = \dfrac{1}{1 + e^{-z}}, \qquad z = \sum_{i} \, w_i x_i,$ (1)",
        "and the cost of the example is",
        r"$C^n = -\left( y \, \ln \hat y + (1 - y) \, \ln (1 - \hat y) \right).$ (3)",
        "The derivative of the sigmoid is",
        r"$f'(z) = \dfrac{e^{-z}}{(1 + e^{-z})^2} "
        r"= \dfrac{1}{1 + e^{-z}} \cdot \dfrac{e^{-z}}{1 + e^{-z}} = f(z) \, (1 - f(z)),$",
        "because the second fraction is 1 − f(z). Of the sum z, only the term wᵢxᵢ depends on wᵢ, "
        "so ∂z/∂wᵢ = xᵢ, and by the chain rule",
        r"$\dfrac{\partial \hat y}{\partial w_i} = f'(z) \, \dfrac{\partial z}{\partial w_i} "
        r"= x_i \, \hat y \, (1 - \hat y).$ (7)",
        "The chain rule once more, now for the logarithms of the cost, and then equation 7 give",
        r"$\dfrac{\partial C^n}{\partial w_i} "
        r"= -\left( \dfrac{y}{\hat y} - \dfrac{1 - y}{1 - \hat y} \right) "
        r"\dfrac{\partial \hat y}{\partial w_i} "
        r"= -\left( y \, (1 - \hat y) - (1 - y) \, \hat y \right) x_i = -(y - \hat y) \, x_i.$ (6)",
    ),
    "1b": (
        "Again for one example, the outputs and the cost are",
        r"$\hat y_k = \dfrac{e^{z_k}}{\sum_{l} \, e^{z_l}}, "
        r"\qquad z_k = \sum_{i} \, w_{ki} x_i,$ (4)",
        r"$C^n = -\sum_{k} \, y_k \, \ln \hat y_k.$ (5)",
        "The logarithm of a quotient is a difference of logarithms, so",
        r"$\ln \hat y_l = z_l - \, \ln \sum_{m} \, e^{z_m}.$",
        "Differentiate with respect to a logit zₖ. The first term contributes 1 if l = k and 0 "
        "otherwise, written δₗₖ. In the sum of the second, only one term depends on zₖ. Hence",
        r"$\dfrac{\partial \ln \hat y_l}{\partial z_k} "
        r"= \delta_{lk} - \dfrac{e^{z_k}}{\sum_{m} \, e^{z_m}} = \delta_{lk} - \hat y_k.$",
        "Every output depends on zₖ, so all terms of the cost contribute:",
        r"$\dfrac{\partial C^n}{\partial z_k} = -\sum_{l} \, y_l \, (\delta_{lk} - \hat y_k) "
        r"= -y_k + \hat y_k \sum_{l} \, y_l = -(y_k - \hat y_k),$",
        "where the last step uses that the targets of an example sum to 1. Of the logits, only zₖ "
        "depends on the weight from input j to output k, with derivative xⱼ. By the chain rule",
        r"$\dfrac{\partial C^n}{\partial w_{kj}} = \dfrac{\partial C^n}{\partial z_k} \, "
        r"\dfrac{\partial z_k}{\partial w_{kj}} = -x_j \, (y_k - \hat y_k).$ (13)",
    ),
    "4a": (
        "The objective is the cost of equation 5 plus a penalty on all weights, the bias included:",
        r"$J(w) = C(w) + \lambda R(w), "
        r"\qquad R(w) = \Vert w \Vert^2 = \sum_{k,i} \, w_{ki}^2.$ (26, 27)",
        "In the sum R, only one term depends on a given weight, and its derivative is twice that "
        "weight. The derivative of a sum is the sum of the derivatives, so",
        r"$\dfrac{\partial J}{\partial w} = \dfrac{\partial C}{\partial w} + 2 \lambda w.$ (28)",
        "With equation 13 for C, averaged over the N examples, this is for a single weight",
        r"$\dfrac{\partial J}{\partial w_{ki}} "
        r"= -\dfrac{1}{N} \sum_{n=1}^{N} \, x_i^n (y_k^n - \hat y_k^n) + 2 \lambda w_{ki},$",
        "and a step of gradient descent with the learning rate η is the update",
        r"$w \leftarrow w - \eta \, \dfrac{\partial J}{\partial w} "
        r"= (1 - 2 \eta \lambda) \, w - \eta \, \dfrac{\partial C}{\partial w}.$",
    ),
}
